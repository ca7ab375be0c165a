import { parseDuration } from '../../mq/testkit/duration.ts';
import { command, numbers, same, settings, words, type Command } from './command.ts';
import type { Stage } from './stage.ts';

/** Of plain producers. */
export const producerCommands: readonly Command[] = [
  command(
    'producer <p> joins <G> [<option>=<value> …]',
    /^producer (?<p>\w+) joins (?<group>\S+)(?<options>.*)$/,
    (stage, { p, group, options }) =>
      stage.addProducer(p!, { producerGroup: group!, ...numbers(options!) }),
  ),
  command(
    'producer <p> begins to send <m> … to <T> [queue=<b>:<n>]',
    /^producer (?<p>\w+) begins to send (?<names>.+?) to (?<topic>\S+)(?<options>.*)$/,
    (stage, { p, names, topic, options }) => {
      const { queue, ...message } = sendOptions(stage, options!);
      for (const body of words(names!)) {
        stage.beginToSend(p!, { topic: topic!, body, ...message }, queue);
      }
    },
  ),
  command(
    'expect <m> … went to <b>|<CODE>|nowhere … [in any order]',
    /^expect (?<names>(?!\w+ got)\S+.*?) went to (?<outcomes>.+?)(?<any> in any order)?$/,
    (stage, { names, outcomes, any }) =>
      same(
        stage,
        words(outcomes!),
        () => words(names!).map((name) => stage.sent.get(name)?.outcome ?? 'nowhere'),
        any !== undefined,
      ),
  ),
  command(
    'producer <p> sends <m> … to <T> [key=<k>] [tag=<t>] [with=<name>:<value>,…] [queue=<b>:<n>] [delay=<d>] [due=+<d>|-<d>] [level=<n>] [max=<n>] [fails <CODE>]',
    /^producer (?<p>\w+) sends (?<names>.+?) to (?<topic>\S+)(?<options>.*?)(?: fails (?<code>[A-Z_]+))?$/,
    async (stage, { p, names, topic, options, code }) => {
      for (const body of words(names!)) {
        const { queue, ...message } = sendOptions(stage, options!);
        const sending = stage.send(p!, { topic: topic!, body, ...message }, queue);
        if (code === undefined) await sending;
        else await failing(sending, code);
      }
    },
  ),
  command(
    'producer <p> recalls <m> [fails <CODE>]',
    /^producer (?<p>\w+) recalls (?<name>\S+)(?: fails (?<code>[A-Z_]+))?$/,
    async (stage, { p, name, code }) => {
      const sent = stage.sent.get(name!);
      if (sent?.recallHandle === undefined) throw new Error(`${name} has no recall handle`);
      const recalling = stage.producer(p!).recall(sent.topic, sent.recallHandle);
      if (code === undefined) await recalling;
      else await failing(recalling, code);
    },
  ),
  command(
    'producer <p> leaves|dies',
    /^producer (?<p>\w+) (?<how>leaves|dies)$/,
    (stage, { p, how }) => {
      if (how === 'leaves') stage.producer(p!).leave();
      else stage.producer(p!).kill();
    },
  ),
];

function sendOptions(stage: Stage, text: string) {
  const {
    key,
    tag,
    with: properties,
    queue,
    delay,
    level,
    max,
    due,
    ...unknown
  } = Object.fromEntries(settings(text));
  if (Object.keys(unknown).length > 0) throw new Error(`what is ${Object.keys(unknown).join()}?`);
  const [brokerName, queueId] = queue?.split(':') ?? [];
  const dueMs =
    due === undefined ? 0 : parseDuration(due.slice(1)) * (due.startsWith('-') ? -1 : 1);
  return {
    queue: queue === undefined ? undefined : { brokerName: brokerName!, queueId: Number(queueId) },
    ...(key !== undefined && { shardingKey: key }),
    ...(tag !== undefined && { tags: tag }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(properties.split(',').map((each) => each.split(':'))),
    }),
    ...(delay !== undefined && { delayTimeMs: parseDuration(delay) }),
    ...(due !== undefined && { deliverTimeMs: stage.world.clock.now() + dueMs }),
    ...(level !== undefined && { delayTimeLevel: Number(level) }),
    ...(max !== undefined && { maxReconsumeTimes: Number(max) }),
  };
}

async function failing(work: Promise<unknown>, code: string): Promise<void> {
  const outcome = await work.then(
    () => 'nothing',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
  if (outcome !== code) throw new Error(`it failed with ${outcome}`);
}
