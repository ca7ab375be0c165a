import assert from 'node:assert/strict';
import path from 'node:path';
import { MqError } from '../errors.ts';
import { readInt32, writeInt32, writeInt64 } from '../protocol/bytes.ts';
import type { Files } from './files.ts';
import { parseSegmentName, SegmentFile } from './segment-file.ts';

/**
 * One entry:
 *
 *      0 int64 commitLogOffset
 *      8 int32 sizeBytes
 *     12 int64 tagsCode         the tag's hash; in SCHEDULE_TOPIC_XXXX the time of delivery
 *
 * An entry of size 0 was never written; one of size 2^31 − 1 fills the room before the first real entry.
 */
export const ENTRY_BYTES = 20;
const FILLER_SIZE = 0x7fffffff;
const FIRST_TAIL_ENTRIES = 8;
/** Entries written over themselves at once, after a crash. */
const REWRITE_ENTRIES = 16_384;
/** Entries kept in memory for consumers that keep up, after they were written. */
const KEPT_ENTRIES = 64;

export interface QueueEntry {
  commitLogOffset: number;
  sizeBytes: number;
  tagsCode: number;
}

export interface ConsumeQueueOptions {
  files: Files;
  directory: string;
  topic: string;
  queueId: number;
  entriesPerFile: number;
  /** Called when a file is about to be used, so that the owner can bound how many are open. */
  onUse: (segment: SegmentFile) => void;
}

/**
 * The ConsumeQueue of one MessageQueue: where in the CommitLog its n-th message is. Everything in it can be
 * rebuilt from the CommitLog.
 *
 * Entries `[0, maxOffset)` exist, of which `[writtenOffset, maxOffset)` are in memory only and those below
 * `minOffset` point to messages that were removed. `nextOffset` runs ahead of `maxOffset` by the messages that
 * are appended but not confirmed. All offsets here are entry indexes.
 *
 * An instance is cheap: it lists its directory on first use and opens a file on first read or write.
 */
export class ConsumeQueue {
  readonly topic: string;
  readonly queueId: number;
  /** The queueOffset the next appended message gets. Counted up by the message store. */
  nextOffset = 0;
  /** Its topic was deleted: what is still on its way gets no entry, here or in a queue of the same name made since. */
  isDeleted = false;
  readonly #options: ConsumeQueueOptions;
  #segments: SegmentFile[] = [];
  #maxOffset = 0;
  #writtenOffset = 0;
  /** Entries `[tailStart, maxOffset)`; always reaches back at least to writtenOffset. */
  #tail = Buffer.alloc(0);
  #tailStart = 0;
  #minOffset = 0;
  /** The CommitLog's minimum that #minOffset was computed for. */
  #minComputedFor = -1;
  #isDirectoryNew: boolean;
  /** Entries from there on that were found on disk after a crash, until they are flushed. */
  #unflushedFrom: number | undefined;

  constructor(options: ConsumeQueueOptions) {
    this.#options = options;
    this.topic = options.topic;
    this.queueId = options.queueId;
    this.#segments = this.#findSegments();
    this.#isDirectoryNew = this.#segments.length === 0;
    this.#setEnd(this.#findEnd());
  }

  get maxOffset(): number {
    return this.#maxOffset;
  }

  get pendingBytes(): number {
    return (this.#maxOffset - this.#writtenOffset) * ENTRY_BYTES;
  }

  /** Adds the entry `queueOffset`, which must be the next one. It reaches the disk with `writePending`. */
  append(queueOffset: number, entry: QueueEntry): void {
    assert(
      queueOffset === this.#maxOffset,
      `entry ${queueOffset} of ${this.topic}:${this.queueId} follows ${this.#maxOffset}`,
    );
    const at = (queueOffset - this.#tailStart) * ENTRY_BYTES;
    if (at === this.#tail.length) this.#makeTailRoom();
    writeEntry(this.#tail, (queueOffset - this.#tailStart) * ENTRY_BYTES, entry);
    this.#maxOffset++;
    if (this.nextOffset < this.#maxOffset) this.nextOffset = this.#maxOffset;
  }

  /** Entries of no message. They say where the one before them is, so that searches find the entries in order. */
  appendFillers(count: number): void {
    const commitLogOffset = this.readEntry(this.#maxOffset - 1)?.commitLogOffset ?? 0;
    const filler = { commitLogOffset, sizeBytes: FILLER_SIZE, tagsCode: 0 };
    for (let index = 0; index < count; index++) this.append(this.#maxOffset, filler);
  }

  #makeTailRoom(): void {
    this.#shrinkTail();
    const used = (this.#maxOffset - this.#tailStart) * ENTRY_BYTES;
    const wanted = Math.max(2 * used, FIRST_TAIL_ENTRIES * ENTRY_BYTES);
    if (this.#tail.length < wanted) this.#resizeTail(wanted);
  }

  #resizeTail(byteCount: number): void {
    // Not from Node's shared pool: a few small tails would pin its 8 KiB slabs.
    const resized = Buffer.allocUnsafeSlow(byteCount);
    this.#tail.copy(resized, 0, 0, (this.#maxOffset - this.#tailStart) * ENTRY_BYTES);
    this.#tail = resized;
  }

  /** Forgets written entries beyond the few that are kept. */
  #shrinkTail(): void {
    const keepFrom = Math.min(this.#writtenOffset, Math.max(this.#maxOffset - KEPT_ENTRIES, 0));
    if (keepFrom <= this.#tailStart) return;
    const from = (keepFrom - this.#tailStart) * ENTRY_BYTES;
    this.#tail.copyWithin(0, from, (this.#maxOffset - this.#tailStart) * ENTRY_BYTES);
    this.#tailStart = keepFrom;
  }

  /**
   * Up to `count` entries from `queueOffset` on, as bytes; fewer at the end of the queue or of a file.
   * The result is valid until the next call.
   */
  read(queueOffset: number, count: number): Buffer {
    assert(queueOffset >= 0, 'queueOffset is not negative');
    const wanted = Math.min(count, this.#maxOffset - queueOffset);
    if (wanted <= 0) return Buffer.alloc(0);
    if (queueOffset >= this.#tailStart) {
      const at = (queueOffset - this.#tailStart) * ENTRY_BYTES;
      return this.#tail.subarray(at, at + wanted * ENTRY_BYTES);
    }
    const { entriesPerFile } = this.#options;
    const leftInFile = entriesPerFile - (queueOffset % entriesPerFile);
    const onDisk = Math.min(wanted, leftInFile, this.#tailStart - queueOffset);
    return this.#readFiles(queueOffset, onDisk);
  }

  readEntry(queueOffset: number): QueueEntry | undefined {
    const bytes = this.read(queueOffset, 1);
    return bytes.length === 0 ? undefined : decodeEntry(bytes, 0);
  }

  /** The first entry whose message still exists when the CommitLog begins at `minCommitLogOffset`. */
  minOffset(minCommitLogOffset: number): number {
    if (this.#minComputedFor === minCommitLogOffset && this.#minOffset < this.#maxOffset) {
      return this.#minOffset;
    }
    const first = this.#segments[0];
    const start = first === undefined ? this.#tailStart : first.baseOffset / ENTRY_BYTES;
    const isThere = (entry: QueueEntry | undefined): boolean =>
      entry !== undefined &&
      // What fills a hole counts by the message before it; what leads to the first message there is says 0.
      (isRealEntry(entry) || (entry.sizeBytes > 0 && entry.commitLogOffset > 0)) &&
      entry.commitLogOffset >= minCommitLogOffset;
    this.#minOffset = isThere(this.readEntry(start)) ? start : this.firstWhere(start, isThere);
    this.#minComputedFor = minCommitLogOffset;
    return this.#minOffset;
  }

  /** The first entry in `[from, to)` that `holds`, which must be true from some entry on; else `to`, the end of the queue. */
  firstWhere(
    from: number,
    holds: (entry: QueueEntry) => boolean,
    to: number = this.#maxOffset,
  ): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (holds(this.readEntry(middle)!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Hands entries that are only in memory to the kernel. Errors: what the disk says; nothing is forgotten then. */
  writePending(): void {
    const { entriesPerFile } = this.#options;
    while (this.#writtenOffset < this.#maxOffset) {
      const inFile = this.#writtenOffset % entriesPerFile;
      const count = Math.min(this.#maxOffset - this.#writtenOffset, entriesPerFile - inFile);
      const at = (this.#writtenOffset - this.#tailStart) * ENTRY_BYTES;
      const segment = this.#segmentFor(this.#writtenOffset);
      segment.write(this.#tail.subarray(at, at + count * ENTRY_BYTES), inFile * ENTRY_BYTES);
      this.#writtenOffset += count;
    }
    this.#shrinkTail();
    const used = (this.#maxOffset - this.#tailStart) * ENTRY_BYTES;
    if (used * 4 < this.#tail.length) this.#resizeTail(used);
  }

  /** Resolves when the written entries would survive a power cut. */
  async sync(): Promise<void> {
    for (const segment of this.#segments.filter((each) => each.isDirty)) {
      // Deleted meanwhile: to open its file again would bring that back.
      if (this.isDeleted) return;
      this.#options.onUse(segment);
      await segment.sync();
    }
    if (!this.#isDirectoryNew || this.#segments.length === 0) return;
    const topicDirectory = path.dirname(this.#options.directory);
    await this.#options.files.syncDirectory(topicDirectory);
    await this.#options.files.syncDirectory(path.dirname(topicDirectory));
    this.#isDirectoryNew = false;
  }

  /** The file this entry goes to may have been made, and its name not flushed, by a process that was killed. */
  markDirty(queueOffset: number): void {
    this.#isDirectoryNew = true;
    this.#segmentAt(queueOffset)?.markDirty();
  }

  /** This entry, and those behind it, were found on disk and may not be flushed: the process that wrote them was killed. */
  markUnflushed(queueOffset: number): void {
    this.#unflushedFrom = Math.min(this.#unflushedFrom ?? queueOffset, queueOffset);
    this.markDirty(queueOffset);
  }

  /**
   * Writes each of these entries over itself: an fsync that failed may have left them in the page cache only, as clean. To be
   * called before `sync`. Errors: what the disk says; the next call does it again.
   */
  async rewriteUnflushed(): Promise<void> {
    const { entriesPerFile, onUse } = this.#options;
    let at = this.#unflushedFrom ?? this.#writtenOffset;
    while (at < this.#writtenOffset && !this.isDeleted) {
      const leftInFile = entriesPerFile - (at % entriesPerFile);
      const count = Math.min(REWRITE_ENTRIES, leftInFile, this.#writtenOffset - at);
      const segment = this.#segmentAt(at);
      // Its messages are gone, and with them the file.
      if (segment !== undefined) {
        const position = at * ENTRY_BYTES - segment.baseOffset;
        onUse(segment);
        segment.write(segment.readSync(position, count * ENTRY_BYTES), position);
      }
      at += count;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#unflushedFrom = undefined;
  }

  /** Entries from `queueOffset` on are gone, in memory and on disk. */
  truncate(queueOffset: number): void {
    if (queueOffset >= this.#maxOffset) return;
    const kept = this.#segments.filter(
      (segment, index) =>
        segment.baseOffset < queueOffset * ENTRY_BYTES ||
        (index === 0 && segment.baseOffset === queueOffset * ENTRY_BYTES),
    );
    const removed = this.#segments.slice(kept.length);
    for (const segment of removed) segment.remove();
    this.#segments = kept;
    const last = kept.at(-1);
    // A removed name that a power cut brings back would lead past what is cleared here.
    if (removed.length > 0) last?.markDirty();
    if (last !== undefined && queueOffset < this.#writtenOffset) {
      this.#options.onUse(last);
      last.clearFrom(queueOffset * ENTRY_BYTES - last.baseOffset);
    }
    this.#setEnd(queueOffset);
  }

  /**
   * Removes the files all of whose messages are gone, and returns how many; the last one stays, and with it the number of
   * the next message.
   */
  async removeBefore(minCommitLogOffset: number): Promise<number> {
    const { files, directory } = this.#options;
    let count = 0;
    for (;;) {
      const first = this.#segments[0];
      if (first === undefined || this.#segments.length === 1 || this.isDeleted) return count;
      const last = this.readEntry((first.baseOffset + first.sizeBytes) / ENTRY_BYTES - 1)!;
      // The file behind it says from then on where the queue ends, and must not be lost.
      const isNeeded = last.commitLogOffset >= minCommitLogOffset || this.#segments[1]!.isDirty;
      if (isNeeded) return count;
      // One name at a time: a power cut that brings back the older of two only would leave a gap.
      if (count > 0) await files.syncDirectory(directory);
      if (this.#segments[0] !== first) return count;
      this.#segments.shift();
      first.remove();
      count++;
    }
  }

  /** Every message of it is gone, and none is on its way. */
  isOver(minCommitLogOffset: number): boolean {
    const isIdle = this.nextOffset === this.#maxOffset && this.#writtenOffset === this.#maxOffset;
    return isIdle && this.minOffset(minCommitLogOffset) === this.#maxOffset;
  }

  /** The queueOffset of the first entry there is a file for. */
  get firstOffset(): number {
    return (this.#segments[0]?.baseOffset ?? 0) / ENTRY_BYTES;
  }

  /** Empties the queue so that its first entry will be `queueOffset`: what came before is no longer in the log. */
  restartAt(queueOffset: number): void {
    for (const segment of this.#segments) segment.remove();
    this.#segments = [];
    this.#writtenOffset = queueOffset;
    this.#setEnd(queueOffset);
    const inFile = queueOffset % this.#options.entriesPerFile;
    if (inFile === 0) return;
    const filler = Buffer.alloc(inFile * ENTRY_BYTES);
    for (let at = 8; at < filler.length; at += ENTRY_BYTES) filler.writeInt32BE(FILLER_SIZE, at);
    this.#segmentFor(queueOffset).write(filler, 0);
  }

  /**
   * Cuts the last entries as far as they point to `commitLogOffset` or behind it, or to nothing: a power cut may have brought
   * back a file that was cut off, and not what was cleared before it.
   */
  cutBehind(commitLogOffset: number): void {
    const isBehind = (entry: QueueEntry): boolean =>
      entry.sizeBytes <= 0 || (isRealEntry(entry) && entry.commitLogOffset >= commitLogOffset);
    let end = this.#maxOffset;
    // Below the first file nothing can be read, and the number of the next message is to be kept.
    while (end > this.firstOffset && isBehind(this.readEntry(end - 1)!)) end--;
    this.truncate(end);
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
  }

  #setEnd(queueOffset: number): void {
    this.#maxOffset = queueOffset;
    this.#writtenOffset = Math.min(this.#writtenOffset, queueOffset);
    if (this.#tailStart > queueOffset || this.#writtenOffset === queueOffset) {
      this.#tail = Buffer.alloc(0);
      this.#tailStart = queueOffset;
    }
    this.nextOffset = queueOffset;
    this.#minComputedFor = -1;
  }

  #findSegments(): SegmentFile[] {
    const { files, directory, entriesPerFile } = this.#options;
    const fileBytes = entriesPerFile * ENTRY_BYTES;
    const baseOffsets = files.list(directory).flatMap((name) => parseSegmentName(name) ?? []);
    for (const baseOffset of baseOffsets) {
      if (baseOffset % fileBytes === 0) continue;
      throw new MqError(
        'STORE_FAILED',
        `${directory} has a file that starts at ${baseOffset}, which is no multiple of ${fileBytes} bytes`,
        { details: { path: directory, baseOffset, fileBytes } },
      );
    }
    // Behind a gap nothing can be reached; such files are as good as missing, and recovery rebuilds them.
    const contiguous = baseOffsets.findIndex(
      (baseOffset, index) => index > 0 && baseOffset !== baseOffsets[index - 1]! + fileBytes,
    );
    return baseOffsets
      .slice(0, contiguous < 0 ? undefined : contiguous)
      .map((baseOffset) => new SegmentFile(files, directory, baseOffset, fileBytes));
  }

  /** Entries are written in order, so the written ones are a prefix and halving finds its end. */
  #findEnd(): number {
    const { entriesPerFile } = this.#options;
    for (let index = this.#segments.length - 1; index >= 0; index--) {
      const start = this.#segments[index]!.baseOffset / ENTRY_BYTES;
      this.#maxOffset = start + entriesPerFile;
      this.#tailStart = this.#maxOffset;
      this.#writtenOffset = this.#maxOffset;
      const end = this.firstWhere(start, (entry) => entry.sizeBytes <= 0);
      if (end > start || index === 0) return end;
    }
    return 0;
  }

  #segmentFor(queueOffset: number): SegmentFile {
    const { files, directory, entriesPerFile, onUse } = this.#options;
    const baseOffset = Math.floor(queueOffset / entriesPerFile) * entriesPerFile * ENTRY_BYTES;
    let segment = this.#segments.at(-1);
    if (segment?.baseOffset !== baseOffset) {
      segment = new SegmentFile(files, directory, baseOffset, entriesPerFile * ENTRY_BYTES);
      this.#segments.push(segment);
    }
    onUse(segment);
    return segment;
  }

  #readFiles(queueOffset: number, count: number): Buffer {
    const position = queueOffset * ENTRY_BYTES;
    const segment = this.#segmentAt(queueOffset);
    // Below the first file: messages that were removed. Deleted: a reader that came before it may still be reading.
    if (segment === undefined || this.isDeleted) return Buffer.alloc(count * ENTRY_BYTES);
    this.#options.onUse(segment);
    return segment.readSync(position - segment.baseOffset, count * ENTRY_BYTES);
  }

  #segmentAt(queueOffset: number): SegmentFile | undefined {
    const position = queueOffset * ENTRY_BYTES;
    return this.#segments.find(
      (each) => position >= each.baseOffset && position < each.baseOffset + each.sizeBytes,
    );
  }
}

export function decodeEntry(source: Buffer, at: number): QueueEntry {
  return {
    commitLogOffset: readInt64(source, at),
    sizeBytes: readInt32(source, at + 8),
    tagsCode: readInt64(source, at + 12),
  };
}

/** Not protocol's, which throws beyond 2^53: a damaged entry is to be recognised and cut, not to stop recovery. */
function readInt64(source: Buffer, at: number): number {
  return readInt32(source, at) * 0x100000000 + (readInt32(source, at + 4) >>> 0);
}

function writeEntry(target: Buffer, at: number, entry: QueueEntry): void {
  writeInt64(target, entry.commitLogOffset, at);
  writeInt32(target, entry.sizeBytes, at + 8);
  writeInt64(target, entry.tagsCode, at + 12);
}

/** False for entries never written and for those that fill room. */
export function isRealEntry(entry: QueueEntry): boolean {
  return entry.sizeBytes > 0 && entry.sizeBytes !== FILLER_SIZE;
}
