import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeBatchAck, encodeBatchAck } from '../../../mq/protocol/batch-ack.ts';
import { poppedTopic, popRetryTopic } from '../../../mq/protocol/names.ts';
import {
  decodePopHandle,
  encodePopHandle,
  msgOffsetInfo,
  orderCountInfo,
  parseStartOffsetInfo,
  startOffsetInfo,
  topicOfHandle,
} from '../../../mq/protocol/pop-handle.ts';
import { plays } from '../../support/plays.ts';

const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER });

describe('a handle', () => {
  it('is read back as it was written', () => {
    const handle = fc.record({
      startOffset: offset,
      popTime: offset,
      invisibleTime: offset,
      reviveQid: fc.nat(999),
      isRetry: fc.boolean(),
      brokerName: fc.constantFrom('broker-a', 'b%1|_'),
      queueId: fc.nat(1_024),
      queueOffset: offset,
    });
    fc.assert(
      fc.property(handle, (one) => expect(decodePopHandle(encodePopHandle(one))).toEqual(one)),
      plays(),
    );
  });

  it('is the one ExtraInfoUtil of RocketMQ builds', () => {
    const text = '5 1795171927201 60000 3 1 broker-a 0 7';
    expect(decodePopHandle(text)).toEqual({
      startOffset: 5,
      popTime: 1_795_171_927_201,
      invisibleTime: 60_000,
      reviveQid: 3,
      isRetry: true,
      brokerName: 'broker-a',
      queueId: 0,
      queueOffset: 7,
    });
    // Without the message's own offset, it is where the pop began.
    expect(decodePopHandle('5 1795171927201 60000 3 0 broker-a 2').queueOffset).toBe(5);
  });

  it.each([
    ['', 'extraInfo has 1 parts'],
    ['1 2 3 4 0 b', 'extraInfo has 6 parts'],
    ['1 2 3 4 0 b 0 1 2', 'extraInfo has 9 parts'],
    ['x 2 3 4 0 b 0 1', 'ckQueueOffset is "x"'],
    ['-1 2 3 4 0 b 0 1', 'ckQueueOffset is "-1"'],
    ['1 99999999999999999999 3 4 0 b 0 1', 'popTime'],
    ['1 2 3 4 2 b 0 1', 'enableRetryTopicV2 is false'],
    ['1 2 3 4 7 b 0 1', 'the retry flag is "7"'],
  ])('%j is refused: %s', (text, reason) => {
    expect(() => decodePopHandle(text)).toThrow(reason);
  });

  it('of a redelivery is for the retry topic', () => {
    expect(topicOfHandle({ isRetry: true }, 'T', 'g')).toBe('%RETRY%g_T');
    expect(topicOfHandle({ isRetry: true }, '%RETRY%g_T', 'g')).toBe('%RETRY%g_T');
    expect(topicOfHandle({ isRetry: false }, 'T', 'g')).toBe('T');
    expect(poppedTopic(popRetryTopic('T_x', 'g_y'), 'g_y')).toBe('T_x');
    expect(poppedTopic('%RETRY%g', 'g')).toBe('%RETRY%g');
  });
});

describe('what a reply says of its messages', () => {
  const ranges = [
    { isRetry: false, queueId: 3, startOffset: 10, queueOffsets: [10, 12, 13] },
    { isRetry: true, queueId: 0, startOffset: 4, queueOffsets: [4] },
  ];

  it('is in the form of ExtraInfoUtil', () => {
    expect(startOffsetInfo(ranges)).toBe('0 3 10;1 0 4');
    expect(msgOffsetInfo(ranges)).toBe('0 3 10,12,13;1 0 4');
    expect(parseStartOffsetInfo('0 3 10;1 0 4')).toEqual(
      new Map([
        ['0@3', 10],
        ['1@0', 4],
      ]),
    );
    expect(parseStartOffsetInfo('')).toEqual(new Map());
    expect(() => parseStartOffsetInfo('0 3')).toThrow('startOffsetInfo has "0 3"');
    const counts = [{ queueId: 2, byOffset: new Map([[7, 1]]), least: 0 }];
    expect(orderCountInfo(counts)).toBe('0 qo2%7 1;0 2 0');
  });
});

describe('a batch ack', () => {
  it('is read back as it was written, however far its messages are apart', () => {
    const acks = fc.array(
      fc.record({
        consumerGroup: fc.constant('g'),
        topic: fc.constant('T'),
        isRetry: fc.boolean(),
        startOffset: fc.nat(1_000_000),
        queueId: fc.nat(8),
        reviveQid: fc.nat(8),
        popTime: offset,
        invisibleTime: fc.nat(60_000),
        distances: fc.uniqueArray(fc.nat(4_000), { minLength: 1, maxLength: 32 }),
      }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(acks, (given) => {
        const body = {
          brokerName: 'broker-a',
          acks: given.map(({ distances, ...ack }) => ({
            ...ack,
            queueOffsets: distances.toSorted((a, b) => a - b).map((each) => ack.startOffset + each),
          })),
        };
        expect(decodeBatchAck(encodeBatchAck(body))).toEqual(body);
      }),
      plays(),
    );
  });

  it('is the one of java.util.BitSet in Base64', () => {
    const json =
      '{"acks":[{"b":"BQ==","c":"g","it":1000,"pt":5,"q":1,"r":"0","rq":2,"so":40,"t":"T"}],"brokerName":"broker-a"}';
    expect(decodeBatchAck(Buffer.from(json)).acks[0]!.queueOffsets).toEqual([40, 42]);
  });

  it('of too many bits is refused, and of more messages than a pop has', () => {
    const body = (bits: Buffer): Buffer =>
      Buffer.from(
        `{"acks":[{"b":"${bits.toString('base64')}","c":"g","it":1,"pt":5,"q":1,"r":"0","rq":2,"so":40,"t":"T"}]}`,
      );
    const long = Buffer.alloc(8 * 1024 + 1, 1);
    expect(() => decodeBatchAck(body(long))).toThrow('8193 bytes of bits, more than 8192');
    expect(decodeBatchAck(body(Buffer.alloc(4, 0xff))).acks[0]?.queueOffsets).toHaveLength(32);
    const many = Buffer.alloc(5, 0xff);
    expect(() => decodeBatchAck(body(many))).toThrow('names more than 32 messages');
  });
});
