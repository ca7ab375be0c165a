import { randomInt } from 'node:crypto';
import { MqError } from '../errors.ts';
import { isIPv6Text, readAddress, writeAddress, type HostAddress } from './host-address.ts';
import { quoted } from './quoted.ts';

/**
 * The id that tells where a message is stored: upper-case hex of store host address (4 or 16 bytes), port
 * (int32) and commitLogOffset (int64), so 32 or 56 digits. Tools dial the address it encodes.
 */
export function offsetMsgId(host: HostAddress, commitLogOffset: number): string {
  const high = Math.floor(commitLogOffset / 0x10000);
  if (host.address !== latestAddress || host.port !== latestPort || high !== latestHigh) {
    latestDigits = leadingDigits(host, commitLogOffset);
    latestAddress = host.address;
    latestPort = host.port;
    latestHigh = high;
  }
  const low = commitLogOffset & 0xffff;
  return latestDigits + HEX_DIGITS[low >>> 8]! + HEX_DIGITS[low & 0xff]!;
}

/** Ids of neighbours differ in their last four digits, of which each pair is one of these. */
const HEX_DIGITS = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0').toUpperCase(),
);
let latestAddress = '';
let latestPort = 0;
let latestHigh = -1;
let latestDigits = '';

function leadingDigits(host: HostAddress, commitLogOffset: number): string {
  const id = Buffer.allocUnsafe((isIPv6Text(host.address) ? 16 : 4) + 12);
  const at = id.writeInt32BE(host.port, writeAddress(host.address, id, 0));
  id.writeBigInt64BE(BigInt(commitLogOffset), at);
  return id.toString('hex', 0, at + 6).toUpperCase();
}

/** Errors: INVALID_ARGUMENT when the text is not such an id. */
export function parseOffsetMsgId(id: string): { host: HostAddress; commitLogOffset: number } {
  if (!/^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{56})$/.test(id)) {
    throw new MqError('INVALID_ARGUMENT', `offsetMsgId ${quoted(id)} is not 32 or 56 hex digits`);
  }
  const bytes = Buffer.from(id, 'hex');
  const addressBytes = bytes.length === 16 ? 4 : 16;
  const commitLogOffset = Number(bytes.readBigInt64BE(addressBytes + 4));
  if (!Number.isSafeInteger(commitLogOffset) || commitLogOffset < 0) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `offsetMsgId ${id}: offset ${commitLogOffset} is illegal`,
    );
  }
  return {
    host: { address: readAddress(bytes, 0, addressBytes), port: bytes.readInt32BE(addressBytes) },
    commitLogOffset,
  };
}

/**
 * Makes the producer-side message ids (property UNIQ_KEY): address, process id (2 bytes), instance (4), ms
 * since the start of the month (4) and a counter (2). Tools derive the sending time from the fifth part.
 *
 * The instance part is random, so that two generators of one process, or of two containers that share
 * address and pid, do not meet; the counter makes ids of one millisecond differ.
 */
export class UniqKeyGenerator {
  readonly #prefix: string;
  readonly #now: () => number;
  #monthStart = 0;
  #nextMonthStart = 0;
  #counter = randomInt(0x10000);

  constructor(address: string, processId: number, now: () => number) {
    const prefix = Buffer.allocUnsafe((isIPv6Text(address) ? 16 : 4) + 6);
    const at = prefix.writeUInt16BE(processId & 0xffff, writeAddress(address, prefix, 0));
    prefix.writeUInt32BE(randomInt(2 ** 32), at);
    this.#prefix = prefix.toString('hex').toUpperCase();
    this.#now = now;
  }

  next(): string {
    const now = this.#now();
    if (now < this.#monthStart || now >= this.#nextMonthStart) this.#enterMonth(now);
    const elapsed = (now - this.#monthStart).toString(16).padStart(8, '0');
    this.#counter = (this.#counter + 1) & 0xffff;
    return this.#prefix + (elapsed + this.#counter.toString(16).padStart(4, '0')).toUpperCase();
  }

  #enterMonth(now: number): void {
    const date = new Date(now);
    this.#monthStart = new Date(date.getFullYear(), date.getMonth(), 1).getTime();
    this.#nextMonthStart = new Date(date.getFullYear(), date.getMonth() + 1, 1).getTime();
  }
}
