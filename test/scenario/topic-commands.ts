import type { TopicSettings } from '../../mq/index.ts';
import { command, numbers, same, words, type Command } from './command.ts';
import type { Stage } from './stage.ts';

/** Of topics. `<b>:<r>/<w>/<perm>` are its readQueueNums, writeQueueNums and perm on a broker. */
export const topicCommands: readonly Command[] = [
  command(
    'topic <T> [queues=<n>] [on <b>]',
    /^topic (?<topic>\w+)(?: queues=(?<queues>\d+))?(?: on (?<b>\w+))?$/,
    (stage, { topic, queues = '1', b }) =>
      stage.operator.run((admin) =>
        admin.createTopic({ topic: topic!, readQueueNums: Number(queues), ...on(stage, b) }),
      ),
  ),
  command(
    'topic <T> has readQueueNums|writeQueueNums|perm=<n> … [on <b>]',
    /^topic (?<topic>\w+) has(?<settings> .+?)(?: on (?<b>\w+))?$/,
    (stage, { topic, settings, b }) =>
      stage.operator.run((admin) =>
        admin.updateTopic({
          topic: topic!,
          ...(numbers(settings!) as TopicSettings),
          ...on(stage, b),
        }),
      ),
  ),
  command(
    'topic <T> is deleted [on <b>]',
    /^topic (?<topic>\w+) is deleted(?: on (?<b>\w+))?$/,
    (stage, { topic, b }) => stage.operator.run((admin) => admin.deleteTopic(topic!, on(stage, b))),
  ),
  command(
    'topic <T> shrinks to <n> [for <G>[,<G> …]] [quietMs=<d>] [timeoutMs=<d>]',
    /^topic (?<topic>\w+) shrinks to (?<count>\d+)(?: for (?<groups>\S+))?(?<options>.*)$/,
    (stage, { topic, count, groups, options }) =>
      stage.operator.shrink(topic!, Number(count), {
        ...(groups !== undefined && { consumerGroups: groups.split(',') }),
        ...numbers(options!),
      }),
  ),
  command(
    'topic <T> is left as it is',
    /^topic (?<topic>\w+) is left as it is$/,
    (stage, { topic }) => stage.operator.abortShrink(topic!),
  ),
  command(
    'expect shrink <T>: goes on | is done | <CODE>',
    /^expect shrink (?<topic>\w+): (?<outcome>goes on|is done|[A-Z_]+)$/,
    (stage, { topic, outcome }) =>
      same(stage, [outcome!], () => [stage.operator.shrinkOutcome(topic!)]),
  ),
  command('operator dies', /^operator dies$/, (stage) => stage.replaceOperator()),
  command(
    'write permission of <b> is wiped|given back',
    /^write permission of (?<b>\w+) is (?<how>wiped|given back)$/,
    async (stage, { b, how }) => {
      await stage.operator.run((admin) =>
        how === 'wiped' ? admin.wipeWritePerm(b!) : admin.addWritePerm(b!),
      );
    },
  ),
  command(
    'expect route <T>: nothing | <b>:<r>/<w>/<perm> …',
    /^expect route (?<topic>\w+): (?<route>.+)$/,
    (stage, { topic, route }) =>
      same(
        stage,
        route === 'nothing' ? [] : words(route!),
        async () => {
          const found = await stage.operator.run((admin) => admin.topicRoute(topic!));
          return (found?.queueDatas ?? []).map(shown);
        },
        true,
      ),
  ),
  command(
    'expect settings <T>: nothing | <b>:<r>/<w>/<perm> …',
    /^expect settings (?<topic>\w+): (?<settings>.+)$/,
    (stage, { topic, settings }) =>
      same(
        stage,
        settings === 'nothing' ? [] : words(settings!),
        async () => {
          const configs = await stage.operator.run((admin) => admin.topicConfig(topic!));
          return configs.map(shown);
        },
        true,
      ),
  ),
];

function on(stage: Stage, b: string | undefined): { brokerAddr?: string } {
  return b === undefined ? {} : { brokerAddr: stage.broker(b).running.address };
}

function shown(queues: {
  brokerName: string;
  readQueueNums: number;
  writeQueueNums: number;
  perm: number;
}): string {
  const { brokerName, readQueueNums, writeQueueNums, perm } = queues;
  return `${brokerName}:${readQueueNums}/${writeQueueNums}/${perm}`;
}
