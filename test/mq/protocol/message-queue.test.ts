import { describe, expect, it } from '@jest/globals';
import { decodeLockBatchBody, encodeLockBatchBody } from '../../../mq/protocol/lock-batch.ts';
import { compareQueues } from '../../../mq/protocol/message-queue.ts';

describe('message queues', () => {
  const queue = (topic: string, brokerName: string, queueId: number) => ({
    topic,
    brokerName,
    queueId,
  });

  it('have one order that all members of a group share: topic, broker, number', () => {
    const queues = [
      queue('b', 'broker-a', 0),
      queue('a', 'broker-b', 0),
      queue('a', 'broker-a', 10),
      queue('a', 'broker-a', 9),
      queue('B', 'broker-a', 0),
    ];
    const inOrder = queues
      .toSorted(compareQueues)
      .map(({ topic, brokerName, queueId }) => `${topic} ${brokerName} ${queueId}`);
    expect(inOrder).toEqual([
      'B broker-a 0',
      'a broker-a 9',
      'a broker-a 10',
      'a broker-b 0',
      'b broker-a 0',
    ]);
    expect(compareQueues(queues[0]!, { ...queues[0]! })).toBe(0);
  });

  it('of a lock request come back as they were, and a missing one is named', () => {
    const body = { consumerGroup: 'og', clientId: 'c', mqSet: [queue('T', 'broker-a', 3)] };
    expect(decodeLockBatchBody(encodeLockBatchBody(body))).toEqual(body);
    expect(() => decodeLockBatchBody(Buffer.from('{"clientId":"c","mqSet":[]}'))).toThrow(
      'LockBatchBody.consumerGroup is missing',
    );
  });
});
