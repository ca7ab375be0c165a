import assert from 'node:assert/strict';
import path from 'node:path';
import { EntryBlock } from './entry-block.ts';
import type { Files } from './files.ts';
import { checkEntries, entryProblem } from './index-check.ts';
import {
  entriesAt,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  indexFileBytes,
  readIndexEntry,
  readIndexHeader,
  SLOT_BYTES,
  slotAt,
  writeIndexEntry,
  writeIndexHeader,
  type IndexEntry,
  type IndexHeader,
  type IndexSizes,
} from './index-layout.ts';
import { SegmentFile } from './segment-file.ts';

const PAGE_BYTES = 4096;
/** The largest stretch of head or entries that is read, written or checked before the event loop gets its turn. */
const SLICE_BYTES = 256 * 1024;
/** Pages apart from each other cost a system call each: so many are written in one turn. */
const RUNS_PER_SLICE = 64;
const FIRST_TAIL_ENTRIES = 64;
const MAX_SECONDS = 0x7fffffff;

/**
 * How far a clock may have been set back: by so much, the order of the entries and the times in a header may be wrong
 * about when messages were stored.
 */
export const CLOCK_SLACK_MS = 3_600_000;

/** Messages stored in `[beginMs, endMs]`. */
export interface TimeRange {
  beginMs: number;
  endMs: number;
}

export interface IndexFileOptions {
  files: Files;
  directory: string;
  sizes: IndexSizes;
}

/** What the index says of one message: where it is, and that it was stored in `[fromMs, toMs]`. */
export interface IndexHit {
  commitLogOffset: number;
  fromMs: number;
  toMs: number;
}

/**
 * One IndexFile: from a key's hash to the places in the CommitLog of the messages that have it, newest first.
 *
 * What is put stays in memory until `write`: the new entries, and of the file that grows its header and all slots, which
 * `load` brings there. So an entry costs no system call, and the file is read from and written to in stretches.
 *
 * Order: entries are written before the slots that point to them, and the header last. A reader follows only entries
 *        that can be right, and whoever asks compares the messages themselves.
 */
export class IndexFile {
  readonly name: string;
  readonly #sizes: IndexSizes;
  readonly #segment: SegmentFile;
  #header: IndexHeader = {
    beginTimestamp: 0,
    endTimestamp: 0,
    beginPhyOffset: 0,
    endPhyOffset: 0,
    hashSlotCount: 0,
    indexCount: 1,
  };
  /** Header and slots, while this is the file that grows. */
  #head: Buffer | undefined;
  /** One for each page of the head: changed since it was written. */
  #dirtyPages: Uint8Array | undefined;
  #isHeaderDirty = false;
  /** Entries `[tailStart, indexCount)`. */
  #tail = Buffer.alloc(0);
  #tailStart = 1;
  #isRemoved = false;

  /** A file that is there, after `readHeader`; else a new one, which is made by the first write. */
  constructor({ files, directory, sizes }: IndexFileOptions, name: string) {
    this.name = name;
    this.#sizes = sizes;
    this.#segment = new SegmentFile(files, directory, 0, indexFileBytes(sizes), name);
  }

  /** Errors: what the disk says. */
  readHeader(): void {
    this.#header = readIndexHeader(this.#segment.readSync(0, INDEX_HEADER_BYTES));
    this.#tailStart = this.#header.indexCount;
  }

  /** For a new file: until its first entry is put, its header says where the file before ended, as the original's does. */
  goOnFrom(before: Readonly<IndexHeader> | undefined): void {
    this.#header.beginPhyOffset = this.#header.endPhyOffset = before?.endPhyOffset ?? 0;
    this.#header.beginTimestamp = this.#header.endTimestamp = before?.endTimestamp ?? 0;
  }

  get header(): Readonly<IndexHeader> {
    return this.#header;
  }

  get path(): string {
    return this.#segment.path;
  }

  get isFull(): boolean {
    return this.#header.indexCount >= this.#sizes.maxIndexNum;
  }

  get isEmpty(): boolean {
    return this.#header.indexCount <= 1;
  }

  /** What waits for `write`, in entries. */
  get pendingEntries(): number {
    return this.#header.indexCount - this.#tailStart;
  }

  get isWritten(): boolean {
    return !this.#isHeaderDirty;
  }

  /** Written since the last completed `sync`. */
  get isUnsynced(): boolean {
    return this.#segment.isDirty;
  }

  /** Brings header and slots into memory, which `put` needs. Calls `turn` between stretches. */
  async load(turn: () => Promise<void>): Promise<void> {
    if (this.#head !== undefined) return;
    // Zeroed by the kernel when first touched: a file with few entries takes few pages.
    const head = Buffer.alloc(entriesAt(this.#sizes));
    for (let at = 0; !this.isEmpty && at < head.length; at += SLICE_BYTES) {
      const count = Math.min(SLICE_BYTES, head.length - at);
      (await this.#segment.read(at, count)).copy(head, at);
      await turn();
    }
    this.#takeHead(head);
  }

  /** From now on readers find the slots in memory. */
  #takeHead(head: Buffer): void {
    this.#head = head;
    this.#dirtyPages = new Uint8Array(Math.ceil(head.length / PAGE_BYTES));
  }

  /** Adds an entry. The file must be loaded and not full. */
  put(keyHash: number, commitLogOffset: number, storeTimestamp: number): void {
    const head = this.#head;
    assert(head !== undefined && !this.isFull, 'an entry goes to a loaded file that has room');
    const header = this.#header;
    const number = header.indexCount;
    const slot = slotAt(this.#sizes, keyHash);
    const newest = head.readInt32BE(slot);
    const previous = newest > 0 && newest < number ? newest : 0;
    const elapsed = Math.floor((storeTimestamp - header.beginTimestamp) / 1000);
    const seconds = header.beginTimestamp <= 0 ? 0 : Math.min(Math.max(elapsed, 0), MAX_SECONDS);
    const at = this.#tailRoom();
    writeIndexEntry(this.#tail, at, { keyHash, commitLogOffset, seconds, previous });
    head.writeInt32BE(number, slot);
    this.#dirtyPages![Math.floor(slot / PAGE_BYTES)] = 1;
    if (number <= 1) {
      header.beginPhyOffset = commitLogOffset;
      header.beginTimestamp = storeTimestamp;
    }
    if (previous === 0) header.hashSlotCount++;
    header.indexCount = number + 1;
    header.endPhyOffset = commitLogOffset;
    header.endTimestamp = storeTimestamp;
    this.#isHeaderDirty = true;
  }

  #tailRoom(): number {
    const at = this.pendingEntries * INDEX_ENTRY_BYTES;
    if (at === this.#tail.length) {
      const bytes = Math.max(2 * at, FIRST_TAIL_ENTRIES * INDEX_ENTRY_BYTES);
      const larger = Buffer.allocUnsafeSlow(bytes);
      this.#tail.copy(larger, 0, 0, at);
      this.#tail = larger;
    }
    return at;
  }

  /**
   * Hands everything put to the kernel, in stretches with a `turn` between. Nothing may be put meanwhile.
   *
   * Errors: what the disk says; nothing is forgotten then, and the next call goes on.
   */
  async write(turn: () => Promise<void>): Promise<void> {
    if (!this.#isHeaderDirty) return;
    const head = this.#head!;
    await this.#writeEntries(turn);
    await this.#writeSlots(head, turn);
    writeIndexHeader(head, this.#header);
    this.#segment.write(head.subarray(0, INDEX_HEADER_BYTES), 0);
    this.#isHeaderDirty = false;
  }

  async #writeEntries(turn: () => Promise<void>): Promise<void> {
    const bytes = this.#tail.subarray(0, this.pendingEntries * INDEX_ENTRY_BYTES);
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      const position = this.#entryAt(this.#tailStart) + at;
      this.#segment.write(bytes.subarray(at, Math.min(at + SLICE_BYTES, bytes.length)), position);
      await turn();
    }
    this.#tailStart = this.#header.indexCount;
    if (this.#tail.length > FIRST_TAIL_ENTRIES * INDEX_ENTRY_BYTES) this.#tail = Buffer.alloc(0);
  }

  async #writeSlots(head: Buffer, turn: () => Promise<void>): Promise<void> {
    const pages = this.#dirtyPages!;
    let bytes = 0;
    let runs = 0;
    for (let page = 0; page < pages.length;) {
      if (pages[page] === 0) {
        page++;
        continue;
      }
      let end = page + 1;
      const limit = page + SLICE_BYTES / PAGE_BYTES;
      while (end < pages.length && end < limit && pages[end] === 1) end++;
      // The header shares the first page, and is to be written last.
      const from = Math.max(page * PAGE_BYTES, INDEX_HEADER_BYTES);
      this.#segment.write(head.subarray(from, Math.min(end * PAGE_BYTES, head.length)), from);
      pages.fill(0, page, end);
      bytes += (end - page) * PAGE_BYTES;
      page = end;
      if (++runs % RUNS_PER_SLICE !== 0 && bytes < SLICE_BYTES) continue;
      bytes = 0;
      await turn();
    }
  }

  /** Lets the slots go from memory: the file is full, and all of it is written. */
  unload(): void {
    assert(!this.#isHeaderDirty, 'what is not written stays in memory');
    this.#head = undefined;
    this.#dirtyPages = undefined;
    this.#tail = Buffer.alloc(0);
  }

  /** Resolves when everything written before the call would survive a power cut. */
  async sync(): Promise<void> {
    // To open its file again would bring that back.
    if (!this.#isRemoved) await this.#segment.sync();
  }

  /** A process that was killed may have written to this file without flushing that. */
  markUnsynced(): void {
    this.#segment.markDirty();
  }

  /**
   * Messages of one hash that may have been stored in the range, newest first. What cannot be right ends it, with a call
   * of `onDamage`.
   *
   * An entry may be of another key, or of bytes that never were an entry: whoever asks compares the message. A long chain
   * is walked in stretches, without a promise for each entry.
   */
  async *hits(
    keyHash: number,
    { beginMs, endMs }: TimeRange,
    onDamage: (problem: string) => void,
  ): AsyncGenerator<IndexHit> {
    const slot = keyHash % this.#sizes.maxHashSlotNum;
    if (this.#isRemoved) return;
    const position = slotAt(this.#sizes, keyHash);
    const bytes =
      this.#head?.subarray(position) ?? (await this.#segment.read(position, SLOT_BYTES));
    const block = new EntryBlock();
    let number = bytes.readInt32BE(0);
    if (number < 0 || number >= this.#sizes.maxIndexNum) {
      onDamage(`slot ${slot} points to entry ${number} of ${this.#sizes.maxIndexNum}`);
      return;
    }
    while (number > 0 && !this.#isRemoved) {
      const entry = this.#entryAtHand(number, block) ?? (await this.#readEntry(number, block));
      const problem = this.#chainProblem(entry, number, slot);
      if (problem !== undefined) {
        onDamage(`entry ${number} ${problem}`);
        return;
      }
      const hit = this.#hit(entry, number);
      if (hit.toMs < beginMs - CLOCK_SLACK_MS) return;
      const isMatch = entry.keyHash === keyHash && hit.toMs >= beginMs && hit.fromMs <= endMs;
      if (isMatch) yield hit;
      number = entry.previous;
    }
  }

  #chainProblem(entry: IndexEntry, number: number, slot: number): string | undefined {
    const itsSlot = entry.keyHash % this.#sizes.maxHashSlotNum;
    if (itsSlot !== slot) return `belongs to slot ${itsSlot}, not ${slot}`;
    if (entry.previous < 0 || entry.previous >= number) return `comes after ${entry.previous}`;
    return entryProblem(entry, 0, Number.POSITIVE_INFINITY);
  }

  /** Seconds that would be negative, or too many, were put as 0 or the most; those of the first entry count from elsewhere. */
  #hit({ commitLogOffset, seconds }: IndexEntry, number: number): IndexHit {
    const { beginTimestamp } = this.#header;
    if (number === 1) return { commitLogOffset, fromMs: beginTimestamp, toMs: beginTimestamp };
    const timeMs = beginTimestamp + 1000 * seconds;
    return {
      commitLogOffset,
      fromMs: seconds === 0 ? Number.NEGATIVE_INFINITY : timeMs,
      toMs: seconds === MAX_SECONDS ? Number.POSITIVE_INFINITY : timeMs + 999,
    };
  }

  #entryAtHand(number: number, block: EntryBlock): IndexEntry | undefined {
    if (number >= this.#tailStart) {
      return readIndexEntry(this.#tail, (number - this.#tailStart) * INDEX_ENTRY_BYTES);
    }
    return block.has(number) ? block.entry(number) : undefined;
  }

  async #readEntry(number: number, block: EntryBlock): Promise<IndexEntry> {
    const first = block.firstFor(number);
    const byteCount = (number + 1 - first) * INDEX_ENTRY_BYTES;
    block.take(first, await this.#segment.read(this.#entryAt(first), byteCount));
    return block.entry(number);
  }

  /**
   * Brings the file to what can be relied on, after a process was killed that wrote to it; see index-check.ts. Header and
   * slots are in memory then, as after `load`, and are to be written.
   *
   * Returns what was wrong, in words. The header's endTimestamp is of the second until `setEndTimestamp`.
   */
  async check(endOffset: number, turn: () => Promise<void>): Promise<string | undefined> {
    const { header, head, problem } = await checkEntries({
      sizes: this.#sizes,
      header: this.#header,
      endOffset,
      read: (first, count) => this.#segment.read(this.#entryAt(first), count * INDEX_ENTRY_BYTES),
      turn,
    });
    this.#header = header;
    this.#tailStart = header.indexCount;
    this.#takeHead(head);
    this.#dirtyPages!.fill(1);
    this.#isHeaderDirty = true;
    return problem;
  }

  setEndTimestamp(storeTimestamp: number): void {
    this.#header.endTimestamp = storeTimestamp;
    this.#isHeaderDirty = true;
  }

  /** The entry of that number, which must be there. */
  async entry(number: number): Promise<IndexEntry> {
    assert(number > 0 && number < this.#header.indexCount, 'an entry that is there');
    const block = new EntryBlock();
    return this.#entryAtHand(number, block) ?? this.#readEntry(number, block);
  }

  /** Lets the descriptor go; the next use opens the file again. */
  close(): void {
    this.#segment.close();
  }

  remove(): void {
    this.#isRemoved = true;
    this.#segment.remove();
  }

  /** Moves the file out of the way, into `directory`. */
  setAside(files: Files, directory: string): void {
    this.#isRemoved = true;
    files.makeDirectory(directory);
    this.#segment.close();
    files.rename(this.#segment.path, path.join(directory, `index-${this.name}`));
  }

  #entryAt(number: number): number {
    return entriesAt(this.#sizes) + number * INDEX_ENTRY_BYTES;
  }
}

/** The disk cannot read a file that is there. */
export function isUnreadable(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'EIO';
}
