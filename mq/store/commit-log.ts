import assert from 'node:assert/strict';
import path from 'node:path';
import { MqError } from '../errors.ts';
import {
  BLANK_MAGIC,
  writeRecord,
  type RecordFields,
  type RecordSizes,
} from '../protocol/message.ts';
import type { Files } from './files.ts';
import { RecentLog } from './recent-log.ts';
import { SegmentFile } from './segment-file.ts';

/** A segment ends with a blank record; this many bytes are kept for its header. */
const BLANK_HEADER_BYTES = 8;

export interface CommitLogOptions {
  files: Files;
  directory: string;
  segmentBytes: number;
  /** How many of the newest bytes stay in memory. */
  recentBytes: number;
}

/**
 * The CommitLog: every record of every queue, end to end, in a sequence of segments.
 *
 * Four offsets, each ≤ the next (bytes from the start of the log, half-open):
 *     minOffset       first byte that is still there
 *     flushedOffset   would survive a power cut
 *     writtenOffset   is with the kernel, survives the death of this process
 *     appendOffset    is placed in memory
 *
 * It knows nothing of acknowledging or visibility; group-commit.ts decides about those.
 */
export class CommitLog {
  readonly #options: CommitLogOptions;
  readonly #recent: RecentLog;
  #segments: SegmentFile[];
  #appendOffset: number;
  #writtenOffset: number;
  #flushedOffset: number;

  /** `segments` and `endOffset` are what recovery found: in order, without gaps. */
  constructor(options: CommitLogOptions, segments: SegmentFile[], endOffset: number) {
    this.#options = options;
    this.#recent = new RecentLog(options.recentBytes);
    this.#segments = segments;
    this.#appendOffset = endOffset;
    this.#writtenOffset = endOffset;
    this.#flushedOffset = endOffset;
  }

  get minOffset(): number {
    return this.#segments[0]?.baseOffset ?? this.#appendOffset;
  }

  get flushedOffset(): number {
    return this.#flushedOffset;
  }

  get writtenOffset(): number {
    return this.#writtenOffset;
  }

  get appendOffset(): number {
    return this.#appendOffset;
  }

  get directory(): string {
    return this.#options.directory;
  }

  get recentBytes(): number {
    return this.#recent.heldBytes;
  }

  /** The largest record, or batch, a segment can take. */
  get largestPlacement(): number {
    return this.#options.segmentBytes - BLANK_HEADER_BYTES;
  }

  /** Encodes one record at the end of the log, in memory; `fields.commitLogOffset` is set to where that is. */
  append(fields: RecordFields, sizes: RecordSizes): void {
    const sizeBytes = sizes.totalBytes;
    this.makeRoom(sizeBytes);
    fields.commitLogOffset = this.#appendOffset;
    const room = this.#recent.reserve(this.#appendOffset, sizeBytes);
    const end = writeRecord(fields, room.buffer, room.at, sizes);
    assert(end === room.at + sizeBytes, 'a record has the size that was announced');
    this.#appendOffset += sizeBytes;
  }

  /** Closes the current segment when `byteCount` more bytes, and a blank record behind them, do not fit. */
  makeRoom(byteCount: number): void {
    assert(byteCount <= this.largestPlacement, 'a record must fit a segment');
    const last = this.#segments.at(-1);
    if (last === undefined) {
      this.#addSegment(this.#appendOffset);
      return;
    }
    const left = last.baseOffset + last.sizeBytes - this.#appendOffset;
    if (byteCount + BLANK_HEADER_BYTES <= left) return;
    // A log written by someone else may end less than a blank record short of its segment.
    if (left >= BLANK_HEADER_BYTES) {
      const room = this.#recent.reserve(this.#appendOffset, BLANK_HEADER_BYTES);
      room.buffer.writeInt32BE(left, room.at);
      room.buffer.writeUInt32BE(BLANK_MAGIC, room.at + 4);
    }
    this.#appendOffset += left;
    this.#addSegment(this.#appendOffset);
  }

  #addSegment(baseOffset: number): void {
    const { files, directory, segmentBytes } = this.#options;
    this.#segments.push(new SegmentFile(files, directory, baseOffset, segmentBytes));
  }

  /**
   * Hands everything placed to the kernel.
   *
   * Errors: what the disk says. A part may have been written then; see `discardUnwritten`.
   */
  write(): void {
    if (this.#writtenOffset === this.#appendOffset) return;
    const stretches = this.#recent.stretches(this.#writtenOffset, this.#appendOffset);
    for (const { offset, bytes } of stretches) this.#writeStretch(offset, bytes);
    this.#writtenOffset = this.#appendOffset;
    this.#recent.trim(this.#writtenOffset);
  }

  /** A blank record of just its header is followed at once by the next segment, in memory too. */
  #writeStretch(start: number, bytes: Buffer): void {
    for (let done = 0; done < bytes.length;) {
      const segment = this.#segmentAt(start + done);
      assert(segment !== undefined, 'placed bytes belong to a segment');
      const position = start + done - segment.baseOffset;
      const count = Math.min(bytes.length - done, segment.sizeBytes - position);
      segment.write(bytes.subarray(done, done + count), position);
      done += count;
    }
  }

  /**
   * Takes back everything placed but not written, after a failed `write`: a half-written record, or a whole one
   * that was refused, must not come to life behind records written to the same place later.
   */
  discardUnwritten(): void {
    this.#appendOffset = this.#writtenOffset;
    this.#recent.truncate(this.#writtenOffset);
    while (this.#segments.length > 0) {
      const last = this.#segments.at(-1)!;
      if (last.baseOffset < this.#writtenOffset) {
        last.clearFrom(this.#writtenOffset - last.baseOffset);
        return;
      }
      last.remove();
      this.#segments.pop();
    }
  }

  /** Resolves when all that was written before the call would survive a power cut. */
  async sync(): Promise<void> {
    const target = this.#writtenOffset;
    // In order: a later segment must not survive where an earlier one did not.
    for (const segment of this.#segments.filter((each) => each.isDirty)) await segment.sync();
    this.#flushedOffset = Math.max(this.#flushedOffset, target);
  }

  /** The bytes, when they are still in memory. A view: not to be changed. */
  readRecent(offset: number, byteCount: number): Buffer | undefined {
    return this.#recent.slice(offset, byteCount);
  }

  /** Copies to `target` the bytes from `offset` on that are in memory in one piece, and returns how many. */
  copyRecent(offset: number, target: Buffer): number {
    return this.#recent.copyFrom(offset, target);
  }

  /** Undefined where the log does not reach, at either end. Bytes may cross no segment border. */
  async read(offset: number, byteCount: number): Promise<Buffer | undefined> {
    const recent = this.#recent.slice(offset, byteCount);
    if (recent !== undefined) return recent;
    const segment = this.#readable(offset, byteCount);
    return segment?.read(offset - segment.baseOffset, byteCount);
  }

  readSync(offset: number, byteCount: number): Buffer | undefined {
    const recent = this.#recent.slice(offset, byteCount);
    if (recent !== undefined) return recent;
    const segment = this.#readable(offset, byteCount);
    return segment?.readSync(offset - segment.baseOffset, byteCount);
  }

  /** Start of the segment behind the one `offset` lies in. */
  nextSegmentStart(offset: number): number {
    const segment = this.#segmentAt(offset);
    return segment === undefined ? this.minOffset : segment.baseOffset + segment.sizeBytes;
  }

  /** Oldest first. */
  get segments(): readonly SegmentFile[] {
    return this.#segments;
  }

  /** Takes out the first of several segments: whoever asks for what is in it is told that it is gone. */
  takeFirst(): SegmentFile {
    assert(this.#segments.length > 1, 'the last segment stays');
    return this.#segments.shift()!;
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
  }

  #readable(offset: number, byteCount: number): SegmentFile | undefined {
    const segment = this.#segmentAt(offset);
    if (segment === undefined || offset + byteCount > this.#writtenOffset) return undefined;
    return offset + byteCount <= segment.baseOffset + segment.sizeBytes ? segment : undefined;
  }

  /** Newest first: that is where nearly all reads and all writes go. */
  #segmentAt(offset: number): SegmentFile | undefined {
    for (let index = this.#segments.length - 1; index >= 0; index--) {
      const segment = this.#segments[index]!;
      if (offset < segment.baseOffset) continue;
      return offset < segment.baseOffset + segment.sizeBytes ? segment : undefined;
    }
    return undefined;
  }
}

/** Where the CommitLog lives below a store's root. */
export function commitLogDirectory(rootDir: string): string {
  return path.join(rootDir, 'commitlog');
}

/** What a caller gets for a record no segment can take. */
export function tooLargeForSegment(sizeBytes: number, limitBytes: number): MqError {
  return new MqError(
    'MESSAGE_ILLEGAL',
    `a record of ${sizeBytes} bytes does not fit a CommitLog segment, which takes ${limitBytes}`,
    { details: { sizeBytes, limitBytes } },
  );
}
