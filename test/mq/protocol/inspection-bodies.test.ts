import { describe, expect, it } from '@jest/globals';
import {
  encodeConsumerConnections,
  encodeProducerConnections,
} from '../../../mq/protocol/client-connections.ts';
import { encodeConsumeDirectlyResult } from '../../../mq/protocol/consume-directly-result.ts';
import { encodeConsumeStats } from '../../../mq/protocol/consume-stats.ts';
import { encodeConsumeTimeSpans } from '../../../mq/protocol/consume-time-span.ts';
import { encodeStatusOfConsumers } from '../../../mq/protocol/consumer-status.ts';
import { tagSubscription } from '../../../mq/protocol/subscription.ts';
import { encodeTopicStats } from '../../../mq/protocol/topic-stats.ts';
import { readGoldens } from '../../support/goldens.ts';

const queue = (queueId: number) => ({ topic: 'TopicA', brokerName: 'broker-a', queueId });
const connection = {
  clientId: '192.0.2.7@4711',
  clientAddr: '192.0.2.7:50123',
  language: 'GO',
  version: 317,
} as const;

const bodies: [string, Buffer][] = [
  [
    'topic stats',
    encodeTopicStats(
      new Map([
        [queue(1), { minOffset: 3, maxOffset: 5e9, lastUpdateTimestamp: 1_795_171_321_182 }],
      ]),
      1.5,
    ),
  ],
  [
    'consume stats',
    encodeConsumeStats(
      new Map([
        [
          queue(1),
          {
            brokerOffset: 5e9,
            consumerOffset: 7,
            pullOffset: 9,
            lastTimestamp: 1_795_171_321_182,
          },
        ],
      ]),
      0.25,
    ),
  ],
  [
    'consumer connections',
    encodeConsumerConnections({
      connections: [connection],
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      consumeFromWhere: 'CONSUME_FROM_TIMESTAMP',
      subscriptions: new Map([['TopicA', tagSubscription('TopicA', 'TagA', 1_795_171_321_308)]]),
    }),
  ],
  ['producer connections', encodeProducerConnections([connection])],
  [
    'status of consumers',
    encodeStatusOfConsumers(
      new Map([
        [
          '192.0.2.7@4711',
          new Map([
            [queue(0), 0],
            [queue(1), 5e9],
          ]),
        ],
      ]),
    ),
  ],
  [
    'result of consuming directly',
    encodeConsumeDirectlyResult({
      order: true,
      consumeResult: 'CR_THROW_EXCEPTION',
      remark: 'no stock',
      spentTimeMills: 12,
    }),
  ],
];

describe('what tools are told', () => {
  it.each(bodies)('is written as Java 5.5.0 writes it: %s', (title, body) => {
    expect(body.toString()).toBe(readGoldens('java-5.5.0')(title).toString());
  });

  it.each(bodies)('has all that Java 4.9.8 knows of it: %s', (title, body) => {
    const newer = /,"(topicPutTps|pullOffset)":[\d.]+/g;
    expect(body.toString().replaceAll(newer, '')).toBe(readGoldens('java-4.9.8')(title).toString());
  });

  it('has versions of subscriptions that Go counts in nanoseconds, as near as a number can be', () => {
    const written = (subVersion: number): string =>
      /"subVersion":(\d+)/.exec(
        encodeConsumerConnections({
          connections: [],
          consumeType: 'CONSUME_PASSIVELY',
          messageModel: 'CLUSTERING',
          consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
          subscriptions: new Map([['T', tagSubscription('T', '*', subVersion)]]),
        }).toString(),
      )![1]!;
    expect(written(Number(1_796_024_907_661_427_700n))).toBe('1796024907661427712');
    expect(written(2 ** 63)).toBe(String(2n ** 63n - 1n));
    expect(written(7)).toBe('7');
  });

  it.each(['java-4.9.8', 'java-5.5.0'] as const)(
    'is written as by %s but for times as text: consume time spans',
    (maker) => {
      const body = encodeConsumeTimeSpans([
        {
          messageQueue: queue(1),
          minTimeStamp: 1_795_171_321_182,
          maxTimeStamp: 1_795_171_321_308,
          consumeTimeStamp: 1_795_171_321_200,
          delayTime: 77,
        },
      ]);
      const golden = readGoldens(maker)('consume time span').toString();
      expect(body.toString()).toBe(golden.replaceAll(/,"\w+Str":"[^"]*"/g, ''));
    },
  );
});
