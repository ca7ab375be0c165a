import path from 'node:path';
import { isFullDisk } from './disk-space.ts';
import type { Files } from './files.ts';

/** Longer than any note, so that leaving one takes no space: a disk may be full when its fsync fails. */
const NOTE_BYTES = 64;

/** What the last run could not put right itself; recovery does. */
export interface AbortNote {
  /** fsync failed with everything below this commitLogOffset flushed: what follows may be in the page cache only. */
  flushFailedAt?: number | undefined;
  /** fsync of a ConsumeQueue failed: none of them can be relied on. */
  rebuildQueues?: boolean | undefined;
}

/**
 * `abort` exists while a store is open: found at open, the last run did not end in `close`. The original leaves it
 * empty and looks at its existence only; ours has blank lines, in whose place goes a note when an fsync failed.
 *
 * The note need not be flushed. A power cut that loses it also loses the page cache it warns of.
 */
export class AbortFile {
  readonly #files: Files;
  readonly #path: string;

  constructor(files: Files, rootDir: string) {
    this.#files = files;
    this.#path = path.join(rootDir, 'abort');
  }

  /** Undefined when the last run ended well. */
  read(): AbortNote | undefined {
    const size = this.#files.sizeOf(this.#path);
    if (size === undefined) return undefined;
    const file = this.#files.open(this.#path, 'read');
    try {
      const bytes = Buffer.alloc(Math.min(size, 1024));
      const text = bytes.toString('utf8', 0, file.readSync(bytes, 0));
      const flushFailedAt = /^flushFailedAt=(\d+)$/m.exec(text)?.[1];
      return {
        flushFailedAt: flushFailedAt === undefined ? undefined : Number(flushFailedAt),
        rebuildQueues: /^rebuildQueues$/m.test(text),
      };
    } finally {
      file.close();
    }
  }

  write(note: AbortNote = {}): void {
    const lines: string[] = [];
    if (note.flushFailedAt !== undefined) lines.push(`flushFailedAt=${note.flushFailedAt}\n`);
    if (note.rebuildQueues === true) lines.push('rebuildQueues\n');
    const bytes = Buffer.from(lines.join('').padEnd(NOTE_BYTES, '\n'));
    const file = this.#files.open(this.#path, 'write');
    try {
      for (let at = 0; at < bytes.length;) at += file.write(bytes.subarray(at), at);
    } catch (error) {
      // Blank lines only keep room: a store must open, and serve what it has, on a full disk too.
      if (lines.length > 0 || !isFullDisk(error)) throw error;
    } finally {
      file.close();
    }
  }

  remove(): void {
    this.#files.remove(this.#path);
  }
}
