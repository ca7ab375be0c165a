import {
  BLANK_MAGIC,
  bodyCrc,
  MESSAGE_MAGIC_V1,
  MESSAGE_MAGIC_V2,
  readRecordHeader,
  type RecordHeader,
} from '../protocol/message.ts';
import { isValidTopicName } from '../protocol/names.ts';
import { MqError } from '../errors.ts';
import type { SegmentFile } from './segment-file.ts';

const WINDOW_BYTES = 1024 * 1024;
/** Size and magic. */
const PREFIX_BYTES = 8;

export interface ScannedRecord {
  header: RecordHeader;
  propertiesString: string;
}

/** Why a scan ended where it did. */
export type ScanEnd =
  | { kind: 'zeros' }
  /** Bytes that are no record: `reason` says what disagreed. */
  | { kind: 'invalid'; reason: string }
  /** The segment is full: it goes on at `nextOffset`. */
  | { kind: 'segment-end'; nextOffset: number };

/**
 * Walks the records of one segment and checks each: size, magic, position, body CRC, and that it is whole.
 *
 * A record counts as valid only if every byte of it can have been written: the body has a CRC; the rest has
 * none, but a torn write leaves zeros behind it, and neither topic nor properties of a whole record end in one.
 */
export class LogScanner {
  readonly #segment: SegmentFile;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  /** CommitLog offset of the next record to look at. */
  offset: number;
  end: ScanEnd | undefined;

  constructor(segment: SegmentFile, startOffset: number) {
    this.#segment = segment;
    this.offset = startOffset;
  }

  /** The next valid record, or undefined with `end` set and `offset` at the first byte that is not valid. */
  async next(): Promise<ScannedRecord | undefined> {
    const segmentEnd = this.#segment.baseOffset + this.#segment.sizeBytes;
    const left = segmentEnd - this.offset;
    if (left < PREFIX_BYTES) return this.#stop({ kind: 'segment-end', nextOffset: segmentEnd });
    const prefix = this.#ahead(PREFIX_BYTES) ?? (await this.#load(PREFIX_BYTES));
    const totalSize = prefix.readInt32BE(0);
    const magic = prefix.readUInt32BE(4);
    if (totalSize === 0 && magic === 0) return this.#stop({ kind: 'zeros' });
    if (totalSize <= 0 || totalSize > left) {
      return this.#stop({ kind: 'invalid', reason: `size ${totalSize} is outside 1..${left}` });
    }
    if (magic === BLANK_MAGIC && totalSize === left) {
      return this.#stop({ kind: 'segment-end', nextOffset: segmentEnd });
    }
    if (magic !== MESSAGE_MAGIC_V1 && magic !== MESSAGE_MAGIC_V2) {
      return this.#stop({ kind: 'invalid', reason: `magic 0x${magic.toString(16)} is unknown` });
    }
    const bytes = this.#ahead(totalSize) ?? (await this.#load(totalSize));
    const record = checkRecord(bytes, this.offset);
    if (typeof record === 'string') return this.#stop({ kind: 'invalid', reason: record });
    this.offset += totalSize;
    return record;
  }

  #stop(end: ScanEnd): undefined {
    this.end = end;
  }

  #ahead(byteCount: number): Buffer | undefined {
    const at = this.offset - this.#windowStart;
    if (at < 0 || at + byteCount > this.#window.length) return undefined;
    return this.#window.subarray(at, at + byteCount);
  }

  async #load(byteCount: number): Promise<Buffer> {
    const position = this.offset - this.#segment.baseOffset;
    const windowBytes = Math.min(
      Math.max(byteCount, WINDOW_BYTES),
      this.#segment.sizeBytes - position,
    );
    this.#window = await this.#segment.read(position, windowBytes);
    this.#windowStart = this.offset;
    return this.#window.subarray(0, byteCount);
  }
}

/** The record, or what is wrong with it. `bytes` is as long as the record says it is. */
function checkRecord(bytes: Buffer, commitLogOffset: number): ScannedRecord | string {
  let header: RecordHeader;
  try {
    header = readRecordHeader(bytes);
  } catch (error) {
    if (MqError.is(error) && error.code === 'MESSAGE_CORRUPT') return error.message;
    throw error;
  }
  if (header.commitLogOffset !== commitLogOffset) {
    return `the record says it belongs to ${header.commitLogOffset}, not ${commitLogOffset}`;
  }
  if (header.queueId < 0 || header.queueOffset < 0) {
    return `queueId ${header.queueId} or queueOffset ${header.queueOffset} is negative`;
  }
  const crc = bodyCrc(bytes.subarray(header.bodyAt, header.bodyAt + header.bodyBytes));
  if (crc !== header.bodyCrc) return `body CRC ${crc} differs from the record's ${header.bodyCrc}`;
  const propertiesEnd = header.propertiesAt + header.propertiesBytes;
  if (header.topic === '' || header.topic.includes('\0')) return 'the topic is torn';
  if (!isValidTopicName(header.topic)) return 'the topic is illegal';
  if (header.propertiesBytes > 0 && bytes[propertiesEnd - 1] === 0)
    return 'the properties are torn';
  const propertiesString = bytes.toString('utf8', header.propertiesAt, propertiesEnd);
  return { header, propertiesString };
}
