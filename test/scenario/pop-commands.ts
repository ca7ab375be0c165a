import { command, same, type Command } from './command.ts';

/** Of groups that pop. Their members join with `clientRebalance=false`. */
export const popCommands: readonly Command[] = [
  command(
    'group <G> pops|pulls <T> [sharing <n>]',
    /^group (?<group>\S+) (?<how>pops|pulls) (?<topic>\S+)(?: sharing (?<count>\d+))?$/,
    (stage, { group, how, topic, count = '0' }) =>
      stage.operator.run((admin) =>
        admin.setMessageRequestMode({
          topic: topic!,
          consumerGroup: group!,
          mode: how === 'pops' ? 'POP' : 'PULL',
          popShareQueueNum: Number(count),
        }),
      ),
  ),
  command(
    'expect <b> keeps <n> invisible',
    /^expect (?<b>\w+) keeps (?<count>\d+) invisible$/,
    (stage, { b, count }) =>
      same(stage, [count!], () => [
        String(stage.broker(b!).running.context.popping.pops.invisibleCount),
      ]),
  ),
];
