import { MqError } from '../errors.ts';
import { quoted } from './quoted.ts';

/** An IP address in text form and a port. Host names never travel in records or ids. */
export interface HostAddress {
  address: string;
  port: number;
}

/** A dual-stack listener reports IPv4 peers as `::ffff:a.b.c.d`; old clients can only decode IPv4. */
export function stripMapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** `1.2.3.4:99`, `[::1]:99`. */
export function formatHostPort(host: HostAddress): string {
  return isIPv6Text(host.address)
    ? `[${host.address}]:${host.port}`
    : `${host.address}:${host.port}`;
}

/** A name, an IPv4 or an IPv6 address, the latter perhaps with a zone. */
const HOST = /^[A-Za-z0-9._:%-]{1,255}$/;

/** Errors: INVALID_ARGUMENT naming the text. */
export function parseHostPort(text: string): HostAddress {
  const colon = text.lastIndexOf(':');
  const portText = text.slice(colon + 1);
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  const address = text.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  if (colon < 1 || !HOST.test(address) || Number.isNaN(port) || port > 65535) {
    throw new MqError('INVALID_ARGUMENT', `${quoted(text)} is not host:port`);
  }
  return { address, port };
}

export function isIPv6Text(address: string): boolean {
  return address.includes(':');
}

/**
 * Writes an address as raw bytes, 4 for IPv4 and 16 for IPv6, and returns the offset behind it.
 *
 * Errors: INVALID_ARGUMENT when the text is not an IP address.
 */
export function writeAddress(address: string, target: Buffer, at: number): number {
  return isIPv6Text(address) ? writeIPv6(address, target, at) : writeIPv4(address, target, at);
}

function writeIPv4(address: string, target: Buffer, at: number): number {
  if (writeDottedDecimal(address, target, at)) return at + 4;
  const parts = address.split('.');
  if (parts.length !== 4) throw notAnAddress(address);
  for (const [index, part] of parts.entries()) {
    const byte = Number(part);
    if (part === '' || !Number.isInteger(byte) || byte < 0 || byte > 255)
      throw notAnAddress(address);
    target[at + index] = byte;
  }
  return at + 4;
}

/** The usual form, for it is in every record. False for any other, also for one that is no address. */
function writeDottedDecimal(address: string, target: Buffer, at: number): boolean {
  let byte = -1;
  let index = 0;
  for (let position = 0; position < address.length; position++) {
    const digit = address.charCodeAt(position) - 0x30;
    if (digit >= 0 && digit <= 9) {
      byte = byte < 0 ? digit : byte * 10 + digit;
      if (byte > 255) return false;
    } else if (digit === -2 && byte >= 0 && index < 3) {
      target[at + index++] = byte;
      byte = -1;
    } else {
      return false;
    }
  }
  target[at + 3] = byte;
  return index === 3 && byte >= 0;
}

function writeIPv6(address: string, target: Buffer, at: number): number {
  const withoutZone = address.split('%')[0]!;
  const halves = withoutZone.split('::');
  const head = words(halves[0]!, address);
  const tail = halves.length === 2 ? words(halves[1]!, address) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) {
    throw notAnAddress(address);
  }
  const all = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  let next = at;
  for (const word of all) next = target.writeUInt16BE(word, next);
  return next;
}

function words(text: string, address: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (part.includes('.')) {
      const four = Buffer.alloc(4);
      writeIPv4(part, four, 0);
      return [four.readUInt16BE(0), four.readUInt16BE(2)];
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) throw notAnAddress(address);
    return [Number.parseInt(part, 16)];
  });
}

function notAnAddress(address: string): MqError {
  return new MqError('INVALID_ARGUMENT', `${quoted(address)} is not an IP address`);
}

/** Reads 4 or 16 raw address bytes; IPv6 comes out in RFC 5952 form. */
export function readAddress(source: Buffer, at: number, byteCount: 4 | 16): string {
  if (byteCount === 4) {
    return `${source[at]!}.${source[at + 1]!}.${source[at + 2]!}.${source[at + 3]!}`;
  }
  const groups = Array.from({ length: 8 }, (_, index) => source.readUInt16BE(at + 2 * index));
  const zeros = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (zeros.count < 2) return hex.join(':');
  return `${hex.slice(0, zeros.start).join(':')}::${hex.slice(zeros.start + zeros.count).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; count: number } {
  let best = { start: 0, count: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (groups[index] === 0) continue;
    if (index - start > best.count) best = { start, count: index - start };
    start = index + 1;
  }
  return best;
}
