import { describe, expect, it } from '@jest/globals';
import { decodeBatchBody, encodeBatchBody } from '../../../mq/protocol/batch-body.ts';
import { decodeProperties } from '../../../mq/protocol/properties.ts';
import { readGoldens } from '../../support/goldens.ts';

describe.each(['java-4.9.8', 'java-5.5.0'] as const)('a batch body of %s', (maker) => {
  const golden = readGoldens(maker)('batch body');

  it('reads as the messages that were sent', () => {
    const [first, second, ...more] = decodeBatchBody(golden);
    expect(more).toEqual([]);
    expect(first).toMatchObject({ flag: -5, body: Buffer.from('first') });
    expect(Object.fromEntries(decodeProperties(first!.propertiesString))).toEqual({
      KEYS: 'k1 k2',
      TAGS: 'TagA',
      WAIT: 'true',
    });
    expect(second).toMatchObject({ flag: 0, body: Buffer.from('größe') });
    expect(decodeProperties(second!.propertiesString).get('ключ')).toBe('значение');
  });

  it('encodes back to the same bytes', () => {
    expect(encodeBatchBody(decodeBatchBody(golden)).toString('hex')).toBe(golden.toString('hex'));
  });
});

describe('a batch body', () => {
  const body = encodeBatchBody([
    { flag: 0, body: Buffer.from('one'), propertiesString: 'TAGS\u0001a' },
    { flag: 0, body: Buffer.from('two'), propertiesString: '' },
  ]);

  function damaged(at: number, value: number): Buffer {
    const copy = Buffer.from(body);
    copy.writeInt32BE(value, at);
    return copy;
  }

  it.each([
    ['is empty', Buffer.alloc(0), 'batch holds no message'],
    ['is cut off', body.subarray(0, -1), 'batch message 1: size 25 is outside 22..24'],
    ['has a message of no size', damaged(0, 0), 'batch message 0: size 0 is outside 22..'],
    ['has a body that overruns', damaged(16, 99), 'batch message 0: body of 99 bytes'],
    ['has a negative body length', damaged(16, -1), 'batch message 0: body of -1 bytes'],
    ['does not add up', damaged(0, 30), 'parts add up to 31, record says 30'],
  ])('is refused when it %s', (_, bytes, message) => {
    expect(() => decodeBatchBody(bytes)).toThrow(message);
  });
});
