import { crc32 } from 'node:zlib';
import { MqError } from '../errors.ts';
import { writeInt32, writeInt64 } from './bytes.ts';
import { isIPv6Text, readAddress, writeAddress, type HostAddress } from './host-address.ts';
import { offsetMsgId } from './message-id.ts';
import {
  decodeProperties,
  MAX_PROPERTIES_BYTES,
  PropertyKey,
  type Properties,
} from './properties.ts';
import { MessageSysFlag } from './sys-flag.ts';

/**
 * The message record: what the CommitLog stores and what a pull reply carries, byte for byte.
 *
 *      0 int32  totalSize        counts itself
 *      4 uint32 magic            V1; V2 (5.x) has a 2-byte topic length
 *      8 uint32 bodyCrc          CRC-32 of the stored body, top bit cleared
 *     12 int32  queueId
 *     16 int32  flag             the producer's own, opaque to us
 *     20 int64  queueOffset
 *     28 int64  commitLogOffset
 *     36 int32  sysFlag
 *     40 int64  bornTimestamp
 *     48 4|16+4 bornHost         IPv6 when sysFlag says so
 *      … int64  storeTimestamp
 *      … 4|16+4 storeHost
 *      … int32  reconsumeTimes
 *      … int64  preparedTransactionOffset
 *      … int32  bodyLength,       body
 *      … uint8  topicLength (V2: uint16), topic
 *      … uint16 propertiesLength, properties
 *
 * Source: RocketMQ 5.3 MessageDecoder.java, MessageExtEncoder.java.
 */
export const MESSAGE_MAGIC_V1 = 0xdaa320a7;
export const MESSAGE_MAGIC_V2 = 0xdaa320ab;
/** Magic of the filler record that closes a CommitLog segment. */
export const BLANK_MAGIC = 0xcbd43194;

const FIXED_BYTES = 91;
/** What each IPv6 host adds over an IPv4 one. */
const IPV6_EXTRA_BYTES = 12;
export const MAX_TOPIC_BYTES = 127;

/** What a record is made of. */
export interface RecordFields {
  topic: string;
  queueId: number;
  flag: number;
  queueOffset: number;
  commitLogOffset: number;
  /** The two host bits are set from the hosts; everything else is stored as given. */
  sysFlag: number;
  bornTimestamp: number;
  bornHost: HostAddress;
  storeTimestamp: number;
  storeHost: HostAddress;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  body: Buffer;
  /** Encoded form, see properties.ts. */
  propertiesString: string;
}

/** A stored message as a consumer sees it. */
export interface MessageExt extends Omit<RecordFields, 'propertiesString'> {
  /** A view of the decoded buffer; still compressed when sysFlag says so. */
  body: Buffer;
  bodyCrc: number;
  properties: Properties;
  /** Size of the whole record in bytes. */
  storeSize: number;
  /** The producer's id (UNIQ_KEY), or the offsetMsgId when there is none. */
  msgId: string;
  offsetMsgId: string;
}

/** CRC-32 as stored: the top bit is cleared, because Java keeps it in a signed int. */
export function bodyCrc(body: Buffer): number {
  return crc32(body) & 0x7fffffff;
}

/** How many bytes a record has, and its texts. */
export interface RecordSizes {
  readonly topicBytes: number;
  readonly propertiesBytes: number;
  readonly totalBytes: number;
}

/** Sizes of the record these fields encode to; to be measured once, for every text is walked through. */
export function measureRecord(fields: RecordFields): RecordSizes {
  const topicBytes = Buffer.byteLength(fields.topic, 'utf8');
  const propertiesBytes = Buffer.byteLength(fields.propertiesString, 'utf8');
  const totalBytes =
    FIXED_BYTES +
    (isIPv6Text(fields.bornHost.address) ? IPV6_EXTRA_BYTES : 0) +
    (isIPv6Text(fields.storeHost.address) ? IPV6_EXTRA_BYTES : 0) +
    fields.body.length +
    topicBytes +
    propertiesBytes;
  return { topicBytes, propertiesBytes, totalBytes };
}

/**
 * Encodes a complete V1 record.
 *
 * Errors: MESSAGE_ILLEGAL when topic or properties exceed what their length fields can say.
 */
export function encodeRecord(fields: RecordFields): Buffer {
  const sizes = measureRecord(fields);
  const record = Buffer.allocUnsafe(sizes.totalBytes);
  writeRecord(fields, record, 0, sizes);
  return record;
}

/** Encodes into `target` at `at` and returns the offset behind the record. `target` must have room. */
export function writeRecord(
  fields: RecordFields,
  target: Buffer,
  at: number,
  sizes: RecordSizes = measureRecord(fields),
): number {
  const { topicBytes, propertiesBytes } = sizes;
  checkLength('topic', topicBytes, MAX_TOPIC_BYTES);
  checkLength('properties', propertiesBytes, MAX_PROPERTIES_BYTES);
  let sysFlag = fields.sysFlag & ~(MessageSysFlag.BORN_HOST_V6 | MessageSysFlag.STORE_HOST_V6);
  if (isIPv6Text(fields.bornHost.address)) sysFlag |= MessageSysFlag.BORN_HOST_V6;
  if (isIPv6Text(fields.storeHost.address)) sysFlag |= MessageSysFlag.STORE_HOST_V6;

  let next = writeInt32(target, sizes.totalBytes, at);
  next = writeInt32(target, MESSAGE_MAGIC_V1, next);
  next = writeInt32(target, bodyCrc(fields.body), next);
  next = writeInt32(target, fields.queueId, next);
  next = writeInt32(target, fields.flag, next);
  next = writeInt64(target, fields.queueOffset, next);
  next = writeInt64(target, fields.commitLogOffset, next);
  next = writeInt32(target, sysFlag, next);
  next = writeInt64(target, fields.bornTimestamp, next);
  next = writeHost(target, fields.bornHost, next);
  next = writeInt64(target, fields.storeTimestamp, next);
  next = writeHost(target, fields.storeHost, next);
  next = writeInt32(target, fields.reconsumeTimes, next);
  next = writeInt64(target, fields.preparedTransactionOffset, next);
  next = writeInt32(target, fields.body.length, next);
  target.set(fields.body, next);
  next += fields.body.length;
  target[next++] = topicBytes;
  next = writeText(fields.topic, topicBytes, target, next);
  target[next++] = propertiesBytes >> 8;
  target[next++] = propertiesBytes;
  return writeText(fields.propertiesString, propertiesBytes, target, next);
}

/** Text that is as long in bytes as in characters is ASCII, which a loop writes sooner than a call into the runtime. */
function writeText(text: string, byteCount: number, target: Buffer, at: number): number {
  if (byteCount !== text.length) return at + target.write(text, at, 'utf8');
  for (let index = 0; index < byteCount; index++) target[at + index] = text.charCodeAt(index);
  return at + byteCount;
}

function checkLength(what: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new MqError('MESSAGE_ILLEGAL', `${what} of ${bytes} bytes exceeds ${limit}`, {
    details: { bytes, limit },
  });
}

/** The parts of a record that dispatch and recovery need, read without touching the body. */
export interface RecordHeader {
  totalSize: number;
  magic: number;
  bodyCrc: number;
  queueId: number;
  queueOffset: number;
  commitLogOffset: number;
  sysFlag: number;
  storeTimestamp: number;
  preparedTransactionOffset: number;
  bodyAt: number;
  bodyBytes: number;
  topic: string;
  propertiesAt: number;
  propertiesBytes: number;
}

/**
 * Reads the header of the record at `at`. The record must be whole: every length is checked against
 * totalSize and totalSize against the buffer.
 *
 * Errors: MESSAGE_CORRUPT naming the numbers that disagree.
 */
export function readRecordHeader(source: Buffer, at = 0): RecordHeader {
  const available = source.length - at;
  if (available < FIXED_BYTES)
    throw corrupt(`${available} bytes left, a record has ≥ ${FIXED_BYTES}`);
  const totalSize = source.readInt32BE(at);
  if (totalSize < FIXED_BYTES || totalSize > available) {
    throw corrupt(`record size ${totalSize} is outside ${FIXED_BYTES}..${available}`);
  }
  const magic = source.readUInt32BE(at + 4);
  if (magic !== MESSAGE_MAGIC_V1 && magic !== MESSAGE_MAGIC_V2) {
    throw corrupt(`magic 0x${magic.toString(16)} is not a message`);
  }
  const end = at + totalSize;
  const sysFlag = source.readInt32BE(at + 36);
  const storeTimestampAt = at + 48 + hostBytes(sysFlag, MessageSysFlag.BORN_HOST_V6);
  const reconsumeAt = storeTimestampAt + 8 + hostBytes(sysFlag, MessageSysFlag.STORE_HOST_V6);
  const bodyAt = reconsumeAt + 16;
  const topicLengthBytes = magic === MESSAGE_MAGIC_V2 ? 2 : 1;
  if (bodyAt + topicLengthBytes + 2 > end) throw corrupt(`record size ${totalSize} is too small`);
  const bodyBytes = source.readInt32BE(bodyAt - 4);
  const topicAt = bodyAt + bodyBytes + topicLengthBytes;
  if (bodyBytes < 0 || topicAt + 2 > end) {
    throw corrupt(`body of ${bodyBytes} bytes overruns the record's ${totalSize}`);
  }
  const topicBytes = source.readUIntBE(topicAt - topicLengthBytes, topicLengthBytes);
  const propertiesAt = topicAt + topicBytes + 2;
  if (propertiesAt > end) {
    throw corrupt(`topic of ${topicBytes} bytes overruns the record's ${totalSize}`);
  }
  const propertiesBytes = source.readUInt16BE(propertiesAt - 2);
  if (propertiesAt + propertiesBytes !== end) {
    throw corrupt(
      `properties end at ${propertiesAt + propertiesBytes - at}, record at ${totalSize}`,
    );
  }
  return {
    totalSize,
    magic,
    bodyCrc: source.readUInt32BE(at + 8),
    queueId: source.readInt32BE(at + 12),
    queueOffset: readInt64(source, at + 20),
    commitLogOffset: readInt64(source, at + 28),
    sysFlag,
    storeTimestamp: readInt64(source, storeTimestampAt),
    preparedTransactionOffset: readInt64(source, reconsumeAt + 4),
    bodyAt,
    bodyBytes,
    topic: source.toString('utf8', topicAt, topicAt + topicBytes),
    propertiesAt,
    propertiesBytes,
  };
}

/** The properties of one whole record, read without touching the body; undefined when its lengths make no sense. */
export function recordProperties(record: Buffer): Properties | undefined {
  try {
    const { propertiesAt, propertiesBytes } = readRecordHeader(record);
    return decodeProperties(record.toString('utf8', propertiesAt, propertiesAt + propertiesBytes));
  } catch (error) {
    if (MqError.is(error)) return undefined;
    throw error;
  }
}

function hostBytes(sysFlag: number, bit: number): number {
  return (sysFlag & bit) === 0 ? 8 : 20;
}

function corrupt(reason: string): MqError {
  return new MqError('MESSAGE_CORRUPT', reason);
}

/**
 * Decodes the record at `at`.
 *
 * Errors: MESSAGE_CORRUPT, also when `verifyCrc` is set (the default) and the body does not match.
 */
export function decodeRecord(
  source: Buffer,
  at = 0,
  options: { verifyCrc?: boolean } = {},
): MessageExt {
  const header = readRecordHeader(source, at);
  const body = source.subarray(header.bodyAt, header.bodyAt + header.bodyBytes);
  if (options.verifyCrc !== false) assertIntact({ body, bodyCrc: header.bodyCrc });
  const bornHost = readHost(source, at + 48, header.sysFlag, MessageSysFlag.BORN_HOST_V6);
  const storeHostAt = at + 48 + hostBytes(header.sysFlag, MessageSysFlag.BORN_HOST_V6) + 8;
  const storeHost = readHost(source, storeHostAt, header.sysFlag, MessageSysFlag.STORE_HOST_V6);
  const properties = decodeProperties(
    source.toString('utf8', header.propertiesAt, header.propertiesAt + header.propertiesBytes),
  );
  const idFromOffset = offsetMsgId(storeHost, header.commitLogOffset);
  return {
    topic: header.topic,
    queueId: header.queueId,
    flag: source.readInt32BE(at + 16),
    queueOffset: header.queueOffset,
    commitLogOffset: header.commitLogOffset,
    sysFlag: header.sysFlag,
    bornTimestamp: readInt64(source, at + 40),
    bornHost,
    storeTimestamp: header.storeTimestamp,
    storeHost,
    reconsumeTimes: source.readInt32BE(header.bodyAt - 16),
    preparedTransactionOffset: header.preparedTransactionOffset,
    body,
    bodyCrc: header.bodyCrc,
    properties,
    storeSize: header.totalSize,
    msgId: properties.get(PropertyKey.UNIQ_KEY) ?? idFromOffset,
    offsetMsgId: idFromOffset,
  };
}

/**
 * Whoever encodes the body anew has to ask this first: the new record's CRC would fit a damaged body.
 *
 * Errors: MESSAGE_CORRUPT with both CRCs.
 */
export function assertIntact({
  body,
  bodyCrc: stored,
}: Pick<MessageExt, 'body' | 'bodyCrc'>): void {
  // A stored CRC of 0 means it was never computed (the original skips the check then, too).
  if (stored === 0) return;
  const actual = bodyCrc(body);
  if (actual !== stored) throw corrupt(`body CRC ${actual} differs from the record's ${stored}`);
}

/** Decodes the records of a pull reply, laid end to end. */
export function decodeRecords(source: Buffer, options: { verifyCrc?: boolean } = {}): MessageExt[] {
  const messages: MessageExt[] = [];
  let at = 0;
  while (at < source.length) {
    const message = decodeRecord(source, at, options);
    messages.push(message);
    at += message.storeSize;
  }
  return messages;
}

function readHost(source: Buffer, at: number, sysFlag: number, bit: number): HostAddress {
  const byteCount = (sysFlag & bit) === 0 ? 4 : 16;
  return {
    address: readAddress(source, at, byteCount),
    port: source.readInt32BE(at + byteCount),
  };
}

function writeHost(target: Buffer, host: HostAddress, at: number): number {
  return writeInt32(target, host.port, writeAddress(host.address, target, at));
}

/** Errors: MESSAGE_CORRUPT beyond ±2^53, where `number` stops being exact. */
export function readInt64(source: Buffer, at: number): number {
  const value = source.readInt32BE(at) * 0x100000000 + source.readUInt32BE(at + 4);
  if (!Number.isSafeInteger(value)) throw corrupt(`64-bit value ${value} exceeds 2^53`);
  return value;
}
