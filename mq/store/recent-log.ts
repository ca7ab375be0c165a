const FIRST_CHUNK_BYTES = 64 * 1024;
const LARGEST_CHUNK_BYTES = 1024 * 1024;

/** A stretch of the CommitLog in memory: bytes `[start, start + used)`. */
interface Chunk {
  start: number;
  used: number;
  buffer: Buffer;
  /** A view of it was handed out, and nobody knows how long that is read. */
  isLent: boolean;
}

/** Room in memory for bytes of the log that are not on disk yet. */
export interface Room {
  buffer: Buffer;
  at: number;
}

/**
 * The newest bytes of the CommitLog. Records are encoded straight into it, written to disk from it, and read
 * from it by every consumer that keeps up.
 *
 * Memory: grows with use up to `limitBytes` plus one chunk, and one to spare; the oldest chunk goes first. A chunk of which a
 * view was handed out is left to the garbage collector, because a reply that is still being sent may be that view. Any
 * other is used again: 100 MB a second of new chunks would have the whole heap collected a dozen times a second.
 */
export class RecentLog {
  readonly #limitBytes: number;
  #chunks: Chunk[] = [];
  #heldBytes = 0;
  #spare: Buffer | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Room for `byteCount` bytes at `offset`, which must not be below what was reserved before. */
  reserve(offset: number, byteCount: number): Room {
    let chunk = this.#chunks.at(-1);
    const isContinued =
      chunk !== undefined &&
      chunk.start + chunk.used === offset &&
      chunk.used + byteCount <= chunk.buffer.length;
    if (chunk === undefined || !isContinued) chunk = this.#addChunk(offset, byteCount);
    const at = chunk.used;
    chunk.used += byteCount;
    return { buffer: chunk.buffer, at };
  }

  #addChunk(start: number, byteCount: number): Chunk {
    const doubled = 2 * (this.#chunks.at(-1)?.buffer.length ?? FIRST_CHUNK_BYTES / 2);
    const chunkBytes = Math.max(Math.min(doubled, LARGEST_CHUNK_BYTES), byteCount);
    const chunk: Chunk = { start, used: 0, buffer: this.#newBuffer(chunkBytes), isLent: false };
    this.#chunks.push(chunk);
    this.#heldBytes += chunkBytes;
    return chunk;
  }

  #newBuffer(byteCount: number): Buffer {
    const spare = this.#spare;
    if (spare?.length !== byteCount) return Buffer.allocUnsafeSlow(byteCount);
    this.#spare = undefined;
    return spare;
  }

  /**
   * The bytes `[from, to)`, as the stretches of memory they lie in. They must have been reserved. These views are good
   * until the next call of anything here.
   */
  stretches(from: number, to: number): { offset: number; bytes: Buffer }[] {
    const found: { offset: number; bytes: Buffer }[] = [];
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index]!;
      const start = Math.max(from, chunk.start);
      const end = Math.min(to, chunk.start + chunk.used);
      if (start < end) {
        const bytes = chunk.buffer.subarray(start - chunk.start, end - chunk.start);
        found.unshift({ offset: start, bytes });
      }
      if (chunk.start <= from) break;
    }
    return found;
  }

  /** A view of `byteCount` bytes at `offset`, or undefined when they are not all here. */
  slice(offset: number, byteCount: number): Buffer | undefined {
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index]!;
      if (offset < chunk.start) continue;
      const at = offset - chunk.start;
      if (at + byteCount > chunk.used) return undefined;
      chunk.isLent = true;
      return chunk.buffer.subarray(at, at + byteCount);
    }
    return undefined;
  }

  /** Copies to `target` what is here in one piece from `offset` on, as far as it fits, and returns how much that is. */
  copyFrom(offset: number, target: Buffer): number {
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index]!;
      if (offset < chunk.start) continue;
      const at = offset - chunk.start;
      return at < chunk.used ? chunk.buffer.copy(target, 0, at, chunk.used) : 0;
    }
    return 0;
  }

  /** Forgets everything from `offset` on. */
  truncate(offset: number): void {
    for (let chunk = this.#chunks.at(-1); chunk !== undefined; chunk = this.#chunks.at(-1)) {
      if (chunk.start < offset) {
        chunk.used = Math.min(chunk.used, offset - chunk.start);
        return;
      }
      this.#heldBytes -= chunk.buffer.length;
      this.#chunks.pop();
    }
  }

  /** Lets the oldest chunks go while over the limit, except those that hold bytes at or above `neededFrom`. */
  trim(neededFrom: number): void {
    while (this.#heldBytes > this.#limitBytes) {
      const oldest = this.#chunks[0];
      if (oldest === undefined || oldest.start + oldest.used > neededFrom) return;
      this.#heldBytes -= oldest.buffer.length;
      this.#chunks.shift();
      const isUsual = oldest.buffer.length === LARGEST_CHUNK_BYTES;
      if (isUsual && !oldest.isLent) this.#spare = oldest.buffer;
    }
  }
}
