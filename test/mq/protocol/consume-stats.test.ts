import { describe, expect, it } from '@jest/globals';
import { decodeConsumeStats } from '../../../mq/protocol/consume-stats.ts';

const queue = { topic: 'T', brokerName: 'broker-a', queueId: 3 };

describe('consume stats', () => {
  it('are read as FastJSON writes them, with queues for keys; 4.9 tells no pullOffset', () => {
    const body = Buffer.from(
      '{"consumeTps":0.5,"offsetTable":{{"brokerName":"broker-a","queueId":3,"topic":"T"}:' +
        '{"brokerOffset":8,"consumerOffset":5,"lastTimestamp":1700000000000}}}',
    );
    expect([...decodeConsumeStats(body)]).toEqual([
      [
        queue,
        { brokerOffset: 8, consumerOffset: 5, pullOffset: 0, lastTimestamp: 1_700_000_000_000 },
      ],
    ]);
  });

  it('may be of nothing', () => {
    expect(decodeConsumeStats(Buffer.from('{"consumeTps":0.0,"offsetTable":{}}')).size).toBe(0);
  });

  it('name the field that is not as it must be', () => {
    const body = Buffer.from(
      '{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:{"consumerOffset":5}}}',
    );
    expect(() => decodeConsumeStats(body)).toThrow('offsetTable[0].brokerOffset is missing');
    expect(() => decodeConsumeStats(Buffer.from('{"offsetTable":{"a":1}}'))).toThrow(
      'not a map with objects for keys',
    );
  });
});
