import assert from 'node:assert/strict';
import path from 'node:path';
import { MqError } from '../errors.ts';
import type { Files, OpenFile } from './files.ts';

const NAME_DIGITS = 20;

/** A file is named after the offset of its first byte in the whole sequence of files. */
export function segmentName(baseOffset: number): string {
  return String(baseOffset).padStart(NAME_DIGITS, '0');
}

/** The base offset a file name says, or undefined when it is not the name of a segment. */
export function parseSegmentName(name: string): number | undefined {
  if (!/^\d{20}$/.test(name)) return undefined;
  const baseOffset = Number(name);
  return Number.isSafeInteger(baseOffset) ? baseOffset : undefined;
}

/**
 * One file of a sequence (CommitLog, ConsumeQueue or index): full size from the start, but sparse. What was never
 * written reads as zeros, also where the file on disk is shorter than it should be.
 *
 * The file is opened on first use and may be closed at any time to save a descriptor; the next use opens it
 * again. Positions are bytes from the start of this file.
 */
export class SegmentFile {
  readonly path: string;
  readonly baseOffset: number;
  readonly sizeBytes: number;
  readonly #files: Files;
  #file: OpenFile | undefined;
  /** Operations under way on other threads; the descriptor must outlive them. */
  #pins = 0;
  #closeWhenUnpinned = false;
  #isDirty = false;
  /** No file yet: it is made by the first write. */
  #isMissing: boolean;
  /** A new name survives a power cut only after its directory was synced. */
  #hasNewName: boolean;

  constructor(
    files: Files,
    directory: string,
    baseOffset: number,
    sizeBytes: number,
    name = segmentName(baseOffset),
  ) {
    this.#files = files;
    this.path = path.join(directory, name);
    this.baseOffset = baseOffset;
    this.sizeBytes = sizeBytes;
    this.#isMissing = files.sizeOf(this.path) === undefined;
    this.#hasNewName = this.#isMissing;
  }

  /** What it takes on the disk, less than its size while it is sparse. */
  get allocatedBytes(): number {
    return this.#files.allocatedBytes(this.path);
  }

  /** Written to since the last completed `sync`. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /**
   * Errors: what the disk says (ENOSPC, EIO …); a part may have been written then.
   */
  write(source: Buffer, position: number): void {
    assert(position + source.length <= this.sizeBytes, 'write beyond the end of a segment');
    const file = this.#openForWriting();
    this.#isDirty = true;
    let written = 0;
    while (written < source.length) {
      const count = file.write(
        written === 0 ? source : source.subarray(written),
        position + written,
      );
      if (count <= 0) {
        throw new MqError('STORE_FAILED', `${this.path} took ${written} of ${source.length} bytes`);
      }
      written += count;
    }
  }

  readSync(position: number, byteCount: number): Buffer {
    const target = Buffer.allocUnsafe(byteCount);
    if (this.#isMissing) return target.fill(0);
    const file = this.#openForReading();
    let filled = 0;
    while (filled < byteCount) {
      const count = file.readSync(target.subarray(filled), position + filled);
      if (count === 0) return target.fill(0, filled);
      filled += count;
    }
    return target;
  }

  async read(position: number, byteCount: number): Promise<Buffer> {
    const target = Buffer.allocUnsafe(byteCount);
    if (this.#isMissing) return target.fill(0);
    const file = this.#openForReading();
    return this.#pinned(async () => {
      let filled = 0;
      while (filled < byteCount) {
        const count = await file.read(target.subarray(filled), position + filled);
        if (count === 0) return target.fill(0, filled);
        filled += count;
      }
      return target;
    });
  }

  /** Everything from `position` on reads as zeros afterwards. Takes no disk space, so it works on a full disk. */
  clearFrom(position: number): void {
    const file = this.#openForWriting();
    this.#isDirty = true;
    file.truncate(position);
    file.truncate(this.sizeBytes);
  }

  /** A process that was killed may have written to this file, or made it, without flushing that: `sync` is to do so. */
  markDirty(): void {
    this.#isDirty = true;
    this.#hasNewName = true;
  }

  /** Resolves when everything written so far would survive a power cut. */
  async sync(): Promise<void> {
    if (!this.#isDirty) return;
    const file = this.#openForWriting();
    const hadNewName = this.#hasNewName;
    this.#isDirty = false;
    this.#hasNewName = false;
    try {
      await this.#pinned(() => file.datasync());
      if (hadNewName) await this.#files.syncDirectory(path.dirname(this.path));
    } catch (error) {
      this.#isDirty = true;
      this.#hasNewName = hadNewName;
      throw error;
    }
  }

  close(): void {
    if (this.#pins > 0) {
      this.#closeWhenUnpinned = true;
      return;
    }
    this.#file?.close();
    this.#file = undefined;
  }

  /** As `remove`, but gives the file's space back on another thread. Reads under way end well. */
  async removeLarge(): Promise<void> {
    this.close();
    this.#forget();
    await this.#files.removeLarge(this.path);
  }

  remove(): void {
    this.close();
    this.#forget();
    this.#files.remove(this.path);
  }

  /** Whoever still reads gets zeros, and does not make the file anew by opening it. */
  #forget(): void {
    this.#isDirty = false;
    this.#isMissing = true;
    this.#hasNewName = true;
  }

  #openForReading(): OpenFile {
    return this.#file ?? this.#openForWriting();
  }

  #openForWriting(): OpenFile {
    this.#closeWhenUnpinned = false;
    if (this.#file !== undefined) return this.#file;
    const size = this.#files.sizeOf(this.path);
    if (size === undefined) this.#files.makeDirectory(path.dirname(this.path));
    const file = this.#files.open(this.path, 'write');
    try {
      if (size === undefined || size < this.sizeBytes) file.truncate(this.sizeBytes);
    } catch (error) {
      file.close();
      throw error;
    }
    this.#file = file;
    this.#isMissing = false;
    return file;
  }

  async #pinned<T>(work: () => Promise<T>): Promise<T> {
    this.#pins++;
    try {
      return await work();
    } finally {
      this.#pins--;
      if (this.#pins === 0 && this.#closeWhenUnpinned) {
        this.#closeWhenUnpinned = false;
        this.close();
      }
    }
  }
}
