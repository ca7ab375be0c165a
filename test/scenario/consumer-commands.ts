import type { ConsumedMessage } from '../../mq/index.ts';
import { bodies, command, numbers, same, words, type Command } from './command.ts';
import type { Behaviour } from './scenario-consumer.ts';

/** Of consumers and what they could not consume. */
export const consumerCommands: readonly Command[] = [
  command(
    'consumer <c> joins <G> on <T> where <sql>',
    /^consumer (?<c>\w+) joins (?<group>\S+) on (?<topic>\S+) where (?<sql>.+)$/,
    (stage, { c, group, topic, sql }) =>
      stage.addConsumer(c!, {
        consumerGroup: group!,
        topics: [topic!],
        selector: { sql: sql! },
        isOrderly: false,
      }),
  ),
  command(
    'consumer <c> now wants <T> where <sql> | tagged <tags>',
    /^consumer (?<c>\w+) now wants (?<topic>\S+) (?:where (?<sql>.+)|tagged (?<tags>.+))$/,
    (stage, { c, topic, sql, tags }) =>
      stage.consumer(c!).subscribe(topic!, sql === undefined ? tags! : { sql }),
  ),
  command(
    'consumer <c> joins <G> on <T>[,<T> …] [orderly] [broadcasting] [<option>=<value> …]',
    /^consumer (?<c>\w+) joins (?<group>\S+) on (?<topics>\S+)(?<orderly> orderly)?(?<all> broadcasting)?(?<options>.*)$/,
    (stage, { c, group, topics, orderly, all, options }) =>
      stage.addConsumer(c!, {
        consumerGroup: group!,
        topics: topics!.split(','),
        isOrderly: orderly !== undefined,
        ...(all !== undefined && { messageModel: 'BROADCASTING' }),
        ...numbers(options!),
      }),
  ),
  command(
    'consumer <c> suspends|resumes',
    /^consumer (?<c>\w+) (?<how>suspends|resumes)$/,
    (stage, { c, how }) => {
      if (how === 'suspends') stage.consumer(c!).suspend();
      else stage.consumer(c!).resume();
    },
  ),
  command(
    'consumer <c> runs <n> at a time',
    /^consumer (?<c>\w+) runs (?<n>\d+) at a time$/,
    (stage, { c, n }) => stage.consumer(c!).setConcurrency(Number(n)),
  ),
  command(
    'expect <c> is held back at nothing | <b>:<queueId>:<reason>:<held>/<limit> …',
    /^expect (?<c>\w+) is held back at (?<queues>.+)$/,
    (stage, { c, queues }) =>
      same(
        stage,
        queues === 'nothing' ? [] : words(queues!),
        () =>
          stage
            .consumer(c!)
            .flowControlled()
            .map(
              ({ queue, reason, held, limit }) =>
                `${queue.brokerName}:${queue.queueId}:${reason}:${held}/${limit}`,
            ),
        true,
      ),
  ),
  command(
    'expect <c> dropped <n>',
    /^expect (?<c>\w+) dropped (?<count>\d+)$/,
    (stage, { c, count }) => same(stage, [count!], () => [String(stage.consumer(c!).droppedCount)]),
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
    'expect <c>[,<c> …] got nothing | <m>[:<reconsumeTimes>] … [in any order]',
    /^expect (?<cs>\w+(?:,\w+)*) got (?<names>.+?)(?<any> in any order)?$/,
    async (stage, { cs, names, any }) => {
      const consumers = cs!.split(',').map((c) => stage.consumer(c));
      const shown = (message: ConsumedMessage): string =>
        `${message.text()}:${message.reconsumeTimes}`;
      const expected =
        names === 'nothing'
          ? []
          : words(names!).map((name) => (name.includes(':') ? name : `${name}:0`));
      // What several got has no order.
      const inAnyOrder = any !== undefined || consumers.length > 1;
      const news = (): string[] => consumers.flatMap((consumer) => consumer.news().map(shown));
      await same(stage, expected, news, inAnyOrder);
      for (const consumer of consumers) consumer.takeNews();
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
