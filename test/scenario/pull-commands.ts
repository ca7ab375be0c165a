import { MqError, type LitePullConsumer, type MessageQueue } from '../../mq/index.ts';
import { bodies, command, numbers, same, words, type Command } from './command.ts';
import type { Stage } from './stage.ts';

/** Of consumers that pull. A queue is `<b>:<n>`. */
export const pullCommands: readonly Command[] = [
  command(
    'puller <c> joins <G> on <T>[,<T> …] [<option>=<value> …]',
    /^puller (?<c>\w+) joins (?<group>\S+) on (?<topics>\S+)(?<options>.*)$/,
    (stage, { c, group, topics, options }) => {
      const puller = stage.addPuller(c!, { consumerGroup: group!, ...numbers(options!) });
      puller.run((consumer) => {
        for (const topic of topics!.split(',')) consumer.subscribe(topic);
        stage.inBackground(consumer.start());
      });
    },
  ),
  command(
    'puller <c> joins <G> [<option>=<value> …]',
    /^puller (?<c>\w+) joins (?<group>\S+)(?<options>(?: \w+=\S+)*)$/,
    (stage, { c, group, options }) => {
      const puller = stage.addPuller(c!, { consumerGroup: group!, ...numbers(options!) });
      stage.inBackground(puller.run((consumer) => consumer.start()));
    },
  ),
  command(
    'puller <c> assigns itself <T> <b>:<n> …',
    /^puller (?<c>\w+) assigns itself (?<topic>\S+) (?<queues>.+)$/,
    (stage, { c, topic, queues }) =>
      stage.inBackground(
        stage.puller(c!).run((consumer) => consumer.assign(queuesOf(topic!, queues!))),
      ),
  ),
  command(
    'puller <c> polls <count>: nothing | <m> …',
    /^puller (?<c>\w+) polls (?<count>\d+): (?<names>.+)$/,
    async (stage, { c, count, names }) => {
      await stage.world.rest();
      const expected = bodies(names!);
      const polling = stage.puller(c!).run((consumer) =>
        // What does not come at once may be on its way; what should not come is not waited for.
        consumer.poll({
          maxCount: Number(count),
          ...(expected.length === 0 && { timeoutMs: 0 }),
        }),
      );
      const got = (await stage.atOnce(polling)).map((message) => message.text());
      if (got.join(' ') !== expected.join(' '))
        throw new Error(`got ${got.join(' ') || 'nothing'}`);
    },
  ),
  command(
    'puller <c> seeks <T> <b>:<n> to begin|end|<offset> [fails <CODE>]',
    /^puller (?<c>\w+) seeks (?<topic>\S+) (?<queue>\w+:\d+) to (?<place>\w+)(?: fails (?<code>[A-Z_]+))?$/,
    (stage, { c, topic, queue, place, code }) =>
      outcome(stage, c!, code, (consumer) => {
        const [of] = queuesOf(topic!, queue!);
        if (place === 'begin') return consumer.seekToBegin(of!);
        return place === 'end' ? consumer.seekToEnd(of!) : consumer.seek(of!, Number(place));
      }),
  ),
  command(
    'puller <c> commits [<T> <b>:<n>=<offset> …] [fails <CODE>]',
    /^puller (?<c>\w+) commits(?: (?<topic>\S+) (?<offsets>\w+:\d+=.+?))?(?: fails (?<code>[A-Z_]+))?$/,
    (stage, { c, topic, offsets, code }) =>
      outcome(stage, c!, code, (consumer) =>
        consumer.commit(
          offsets === undefined
            ? undefined
            : words(offsets).map((one) => {
                const [queue, offset] = one.split('=');
                return [queuesOf(topic!, queue!)[0]!, Number(offset)] as const;
              }),
        ),
      ),
  ),
  command(
    'puller <c> pauses|resumes <T> <b>:<n> …',
    /^puller (?<c>\w+) (?<how>pauses|resumes) (?<topic>\S+) (?<queues>.+)$/,
    (stage, { c, how, topic, queues }) =>
      stage.puller(c!).run((consumer) => {
        if (how === 'pauses') consumer.pause(queuesOf(topic!, queues!));
        else consumer.resume(queuesOf(topic!, queues!));
      }),
  ),
  command(
    'puller <c> leaves|dies|is-cut-off|is-back',
    /^puller (?<c>\w+) (?<how>leaves|dies|is-cut-off|is-back)$/,
    (stage, { c, how }) => {
      const puller = stage.puller(c!);
      if (how === 'leaves') stage.inBackground(puller.run((consumer) => consumer.shutdown()));
      else if (how === 'dies') puller.kill();
      else if (how === 'is-cut-off') puller.cutOff();
      else puller.reconnect();
    },
  ),
  command(
    'expect puller <c> owns nothing | <b>:<n> …',
    /^expect puller (?<c>\w+) owns (?<queues>.+)$/,
    (stage, { c, queues }) =>
      same(
        stage,
        bodies(queues!),
        () =>
          stage
            .puller(c!)
            .run((consumer) => consumer.assignedQueues())
            .map(({ brokerName, queueId }) => `${brokerName}:${queueId}`),
        true,
      ),
  ),
];

function queuesOf(topic: string, text: string): MessageQueue[] {
  return words(text).map((queue) => {
    const [brokerName, queueId] = queue.split(':');
    return { topic, brokerName: brokerName!, queueId: Number(queueId) };
  });
}

async function outcome(
  stage: Stage,
  name: string,
  code: string | undefined,
  work: (consumer: LitePullConsumer) => Promise<void>,
): Promise<void> {
  const failure = await stage.atOnce(stage.puller(name).run(work)).then(
    () => undefined,
    (error: unknown) => (MqError.is(error) ? error.code : String(error)),
  );
  if (failure !== code) throw new Error(`it failed with ${failure ?? 'nothing'}`);
}
