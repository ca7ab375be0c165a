import type { ConsumedMessage } from '../../mq/index.ts';
import { bodies, command, numbers, same, words, type Command } from './command.ts';
import type { Behaviour } from './scenario-consumer.ts';

/** Of consumers and what they could not consume. */
export const consumerCommands: readonly Command[] = [
  command(
    'consumer <c> joins <G> on <T>[,<T> …] [orderly] [<option>=<value> …]',
    /^consumer (?<c>\w+) joins (?<group>\S+) on (?<topics>\S+)(?<orderly> orderly)?(?<options>.*)$/,
    (stage, { c, group, topics, orderly, options }) =>
      stage.addConsumer(c!, {
        consumerGroup: group!,
        topics: topics!.split(','),
        isOrderly: orderly !== undefined,
        ...numbers(options!),
      }),
  ),
  command(
    'consumer <c> consumes|fails|hangs <m> … | everything',
    /^consumer (?<c>\w+) (?<behaviour>consumes|fails|hangs) (?<names>.+)$/,
    (stage, { c, behaviour, names }) => {
      for (const name of words(names!)) stage.consumer(c!).set(name, behaviour as Behaviour);
    },
  ),
  command(
    'consumer <c> leaves|dies|is-cut-off|is-silenced|is-back',
    /^consumer (?<c>\w+) (?<how>leaves|dies|is-cut-off|is-silenced|is-back)$/,
    (stage, { c, how }) => {
      const consumer = stage.consumer(c!);
      if (how === 'leaves') consumer.leave();
      else if (how === 'dies') consumer.kill();
      else if (how === 'is-cut-off') consumer.cutOff();
      else if (how === 'is-silenced') consumer.silence();
      else consumer.reconnect();
    },
  ),
  command(
    'expect <c> got nothing | <m>[:<reconsumeTimes>] … [in any order]',
    /^expect (?<c>\w+) got (?<names>.+?)(?<any> in any order)?$/,
    async (stage, { c, names, any }) => {
      const consumer = stage.consumer(c!);
      const shown = (message: ConsumedMessage): string =>
        `${message.text()}:${message.reconsumeTimes}`;
      const expected =
        names === 'nothing'
          ? []
          : words(names!).map((name) => (name.includes(':') ? name : `${name}:0`));
      await same(stage, expected, () => consumer.news().map(shown), any !== undefined);
      consumer.takeNews();
    },
  ),
  command(
    'expect <c> owns nothing | <b>:<queueId> …',
    /^expect (?<c>\w+) owns (?<T>\w+) (?<queues>.+)$/,
    (stage, { c, T, queues }) =>
      same(
        stage,
        queues === 'nothing' ? [] : words(queues!),
        () =>
          stage
            .consumer(c!)
            .owns()
            .filter(({ topic }) => topic === T)
            .map(({ brokerName, queueId }) => `${brokerName}:${queueId}`),
        true,
      ),
  ),
  command(
    'group <G> retryMaxTimes=<n>',
    /^group (?<group>\S+) retryMaxTimes=(?<count>\d+)$/,
    (stage, { group, count }) => stage.operator.setRetryLimit(group!, Number(count)),
  ),
  command(
    'expect dlq <G>: nothing | <m> …',
    /^expect dlq (?<group>\S+): (?<names>.+)$/,
    (stage, { group, names }) =>
      same(
        stage,
        bodies(names!),
        async () => {
          const letters = await stage.operator.deadLetters(group!);
          return letters.map((record) => record.body.toString());
        },
        true,
      ),
  ),
  command(
    'redrive <G>: all | <m> …',
    /^redrive (?<group>\S+): (?<names>.+)$/,
    async (stage, { group, names }) => {
      const results = await stage.operator.redrive(group!, names === 'all' ? 'all' : words(names!));
      const failed = results.filter(({ status }) => status !== 'REDRIVEN');
      if (failed.length > 0) throw new Error(failed.map(({ error }) => String(error)).join('; '));
    },
  ),
];
