import path from 'node:path';
import { isFullDisk } from './disk-space.ts';
import type { Files } from './files.ts';

/** Longer than any note, so that leaving one takes no space: a disk may be full when its fsync fails. */
const NOTE_BYTES = 64;

/** What the last run could not put right itself; recovery does. */
export interface AbortNote {
  /** fsync of a ConsumeQueue failed: none of them can be relied on. */
  rebuildQueues: boolean;
}

/**
 * `abort` exists while a store is open: found at open, the last run did not end in `close`. The original leaves it
 * empty and looks at its existence only; ours has blank lines, in whose place goes a note when a ConsumeQueue's fsync failed.
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
      return { rebuildQueues: /^rebuildQueues$/m.test(text) };
    } finally {
      file.close();
    }
  }

  write({ rebuildQueues }: AbortNote = { rebuildQueues: false }): void {
    const bytes = Buffer.from((rebuildQueues ? 'rebuildQueues' : '').padEnd(NOTE_BYTES, '\n'));
    const file = this.#files.open(this.#path, 'write');
    try {
      for (let at = 0; at < bytes.length;) at += file.write(bytes.subarray(at), at);
    } catch (error) {
      // Blank lines only keep room: a store must open, and serve what it has, on a full disk too.
      if (rebuildQueues || !isFullDisk(error)) throw error;
    } finally {
      file.close();
    }
  }

  remove(): void {
    this.#files.remove(this.#path);
  }
}
