import { describe, expect, it } from '@jest/globals';
import {
  formatHostPort,
  parseHostPort,
  readAddress,
  stripMapped,
  writeAddress,
} from '../../../mq/protocol/host-address.ts';

describe('host:port', () => {
  it('reads and writes IPv4, IPv6 in brackets, and names', () => {
    for (const text of ['192.0.2.7:10911', '[2001:db8::7]:10911', 'broker.example:1']) {
      expect(formatHostPort(parseHostPort(text))).toBe(text);
    }
    expect(parseHostPort('[::1]:9876')).toEqual({ address: '::1', port: 9876 });
  });

  it.each(['', ':1', 'a', 'a:', 'a:b', 'a:-1', 'a:65536', 'a:1.5', 'a: 1', 'a:0x1'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseHostPort(text)).toThrow(`${JSON.stringify(text)} is not host:port`);
    },
  );

  it('of an IPv4 peer on a dual-stack listener is plain IPv4', () => {
    expect(stripMapped('::ffff:192.0.2.7')).toBe('192.0.2.7');
    expect(stripMapped('192.0.2.7')).toBe('192.0.2.7');
    expect(stripMapped('::ffff:1')).toBe('::ffff:1');
  });
});

describe('address bytes', () => {
  function through(address: string, byteCount: 4 | 16): string {
    const bytes = Buffer.alloc(16);
    expect(writeAddress(address, bytes, 0)).toBe(byteCount);
    return readAddress(bytes, 0, byteCount);
  }

  it('carry IPv4', () => {
    for (const address of ['0.0.0.0', '192.0.2.7', '255.255.255.255']) {
      expect(through(address, 4)).toBe(address);
    }
  });

  it('carry IPv6 and give it back in the shortest form', () => {
    expect(through('2001:DB8:0:0:0:0:0:7', 16)).toBe('2001:db8::7');
    expect(through('::', 16)).toBe('::');
    expect(through('::1', 16)).toBe('::1');
    expect(through('1::', 16)).toBe('1::');
    expect(through('1:0:0:2:0:0:0:3', 16)).toBe('1:0:0:2::3');
    expect(through('1:0:2:3:4:5:6:7', 16)).toBe('1:0:2:3:4:5:6:7');
    expect(through('::ffff:192.0.2.7', 16)).toBe('::ffff:c000:207');
    expect(through('fe80::1%eth0', 16)).toBe('fe80::1');
  });

  it.each([
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.',
    '1:2',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4:5:6:7::8:9',
    '12345::',
    'g::',
  ])('refuse "%s"', (address) => {
    expect(() => writeAddress(address, Buffer.alloc(32), 0)).toThrow('is not an IP address');
  });
});
