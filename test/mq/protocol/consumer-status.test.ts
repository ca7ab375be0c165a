import { describe, expect, it } from '@jest/globals';
import {
  decodeConsumerStatus,
  encodeConsumerStatus,
} from '../../../mq/protocol/consumer-status.ts';
import { readGoldens } from '../../support/goldens.ts';

const queue = { topic: 'T', brokerName: 'broker-a', queueId: 2 };

describe('the status of a consumer', () => {
  it('has queues for keys, written as objects: fastjson2 takes no other form', () => {
    expect(encodeConsumerStatus(new Map([[queue, 7]])).toString()).toBe(
      '{"messageQueueTable":{{"brokerName":"broker-a","queueId":2,"topic":"T"}:7}}',
    );
  });

  it.each(['java-4.9.8', 'java-5.5.0'] as const)(
    'is read from %s, and written as it is there but for its empty second table',
    (maker) => {
      const queues = [0, 1].map((queueId) => ({ ...queue, topic: 'TopicA', queueId }));
      for (const [title, offsets] of [
        [
          'consumer status',
          new Map([
            [queues[0]!, 0],
            [queues[1]!, 5_000_000_000],
          ]),
        ],
        ['consumer status of no queue', new Map()],
      ] as const) {
        const body = readGoldens(maker)(title);
        expect(decodeConsumerStatus(body)).toEqual(offsets);
        expect(encodeConsumerStatus(offsets).toString()).toBe(
          body.toString().replace('"consumerTable":{},', ''),
        );
      }
    },
  );

  it('comes back as it was, with queues or without', () => {
    const offsets = new Map([
      [queue, 7],
      [{ ...queue, queueId: 3 }, 0],
    ]);
    expect(decodeConsumerStatus(encodeConsumerStatus(offsets))).toEqual(offsets);
    expect(decodeConsumerStatus(encodeConsumerStatus(new Map()))).toEqual(new Map());
  });

  it('may lack the table, as that of a Java client with nothing to say does', () => {
    expect(decodeConsumerStatus(Buffer.from('{"consumerTable":{}}'))).toEqual(new Map());
  });

  it('must be a table of numbers', () => {
    expect(() => decodeConsumerStatus(Buffer.from('{"messageQueueTable":{"a":1}}'))).toThrow(
      'GetConsumerStatusBody.messageQueueTable is {"a":1}, not a map with objects for keys',
    );
    expect(() => decodeConsumerStatus(Buffer.from('{"messageQueueTable":{{"a":1}:"x"}}'))).toThrow(
      'GetConsumerStatusBody.messageQueueTable[0] is "x", not an integer within 2^53',
    );
  });
});
