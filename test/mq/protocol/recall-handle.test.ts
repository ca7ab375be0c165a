import { describe, expect, it } from '@jest/globals';
import { decodeRecallHandle, encodeRecallHandle } from '../../../mq/protocol/recall-handle.ts';
import { readGoldens } from '../../support/goldens.ts';

describe('a recall handle', () => {
  const handle = {
    topic: 'TopicA',
    brokerName: 'broker-a',
    timestampMs: 1_795_171_927_201,
    msgId: 'AC11',
  };
  const golden = readGoldens('java-5.5.0')('recall handle').toString();

  it('is what Java makes of the same message, padding included', () => {
    expect(encodeRecallHandle(handle)).toBe(golden);
    expect(decodeRecallHandle(golden)).toEqual(handle);
  });

  it('is read without its padding, too', () => {
    expect(golden).toMatch(/=$/);
    expect(decodeRecallHandle(golden.replaceAll('=', ''))).toEqual(handle);
  });

  it.each([
    ['is empty', ''],
    ['is no base64', 'v1 TopicA broker-a 1 AC11'],
    ['is of another version', Buffer.from('v2 TopicA broker-a 1 AC11').toString('base64url')],
    ['has too few parts', Buffer.from('v1 TopicA broker-a 1').toString('base64url')],
    ['names no topic', Buffer.from('v1  broker-a 1 AC11').toString('base64url')],
    ['is very long', 'A'.repeat(2_000)],
  ])('is refused when it %s', (_, text) => {
    expect(() => decodeRecallHandle(text)).toThrow('recall handle is invalid');
  });
});
