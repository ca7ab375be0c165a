import { describe, expect, it } from '@jest/globals';
import {
  offsetMsgId,
  parseOffsetMsgId,
  UniqKeyGenerator,
} from '../../../mq/protocol/message-id.ts';
import { readGoldens } from '../../support/goldens.ts';

describe('an offsetMsgId', () => {
  const golden = readGoldens('java-5.5.0');
  const v4 = { host: { address: '192.0.2.9', port: 10911 }, commitLogOffset: 4096 };
  const v6 = { host: { address: '2001:db8:0:1::9', port: 10911 }, commitLogOffset: 3402846035 };

  it('is what Java makes of an IPv4 and an IPv6 store host', () => {
    expect(offsetMsgId(v4.host, v4.commitLogOffset)).toBe(golden('offsetMsgId IPv4').toString());
    expect(offsetMsgId(v6.host, v6.commitLogOffset)).toBe(golden('offsetMsgId IPv6').toString());
  });

  it('gives back the host and the offset it was made of', () => {
    expect(parseOffsetMsgId(golden('offsetMsgId IPv4').toString())).toEqual(v4);
    expect(parseOffsetMsgId(golden('offsetMsgId IPv6').toString())).toEqual(v6);
    expect(parseOffsetMsgId(golden('offsetMsgId IPv4').toString().toLowerCase())).toEqual(v4);
  });

  it('is what it would be if no other had been made before it', () => {
    const hosts = [v4.host, { ...v4.host, port: 10912 }, v6.host];
    const offsets = [0, 0xffff, 0x10000, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
    for (const commitLogOffset of offsets) {
      for (const host of hosts) {
        const id = offsetMsgId(host, commitLogOffset);
        expect(parseOffsetMsgId(id)).toEqual({ host, commitLogOffset });
      }
    }
  });

  it('is never that of another host, however often one is asked for that has no address', () => {
    offsetMsgId(v4.host, 0);
    for (let time = 0; time < 2; time++) {
      expect(() => offsetMsgId({ address: 'localhost', port: 1 }, 0)).toThrow('localhost');
    }
  });

  it.each([
    ['is empty', ''],
    ['is too short', 'C000020900002A9F'],
    ['is not hex', 'X000020900002A9F0000000000001000'],
    ['encodes an offset beyond 2^53', 'C000020900002A9F7000000000001000'],
    ['encodes a negative offset', 'C000020900002A9FFFFFFFFFFFFFFFFF'],
  ])('is refused when it %s', (_, id) => {
    expect(() => parseOffsetMsgId(id)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('UniqKeyGenerator', () => {
  const newYear = new Date(2026, 0, 1).getTime();

  it('makes 32 upper-case hex digits from an IPv4 address, 56 from an IPv6 one', () => {
    const v4 = new UniqKeyGenerator('192.0.2.7', 0x1234, () => newYear).next();
    const v6 = new UniqKeyGenerator('2001:db8::7', 0x1234, () => newYear).next();
    expect(v4).toMatch(/^C00002071234[0-9A-F]{20}$/);
    expect(v6).toMatch(/^20010DB80000000000000000000000071234[0-9A-F]{20}$/);
  });

  it('tells the milliseconds since the month began', () => {
    const id = new UniqKeyGenerator('192.0.2.7', 1, () => newYear + 0x89abcd).next();
    expect(id.slice(20, 28)).toBe('0089ABCD');
  });

  it('starts over in a new month, also when the clock goes back to the old one', () => {
    let now = new Date(2026, 1, 1).getTime() - 1;
    const keys = new UniqKeyGenerator('192.0.2.7', 1, () => now);
    expect(keys.next().slice(20, 28)).toBe('9FA523FF');
    now += 1;
    expect(keys.next().slice(20, 28)).toBe('00000000');
    now -= 1;
    expect(keys.next().slice(20, 28)).toBe('9FA523FF');
  });

  it('makes 65536 different ids in one millisecond', () => {
    const keys = new UniqKeyGenerator('192.0.2.7', 1, () => newYear);
    const ids = new Set(Array.from({ length: 65536 }, () => keys.next()));
    expect(ids.size).toBe(65536);
  });

  it('does not meet another generator of the same process', () => {
    const left = new UniqKeyGenerator('192.0.2.7', 1, () => newYear).next();
    const right = new UniqKeyGenerator('192.0.2.7', 1, () => newYear).next();
    expect(left.slice(12, 20)).not.toBe(right.slice(12, 20));
  });
});
