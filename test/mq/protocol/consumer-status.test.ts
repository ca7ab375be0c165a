import { describe, expect, it } from '@jest/globals';
import {
  decodeConsumerStatus,
  encodeConsumerStatus,
} from '../../../mq/protocol/consumer-status.ts';

const queue = { topic: 'T', brokerName: 'broker-a', queueId: 2 };

describe('the status of a consumer', () => {
  it('has queues for keys, written as objects: fastjson2 takes no other form', () => {
    expect(encodeConsumerStatus(new Map([[queue, 7]])).toString()).toBe(
      '{"messageQueueTable":{{"brokerName":"broker-a","queueId":2,"topic":"T"}:7}}',
    );
  });

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
