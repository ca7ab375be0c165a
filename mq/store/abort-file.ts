import path from 'node:path';
import { crc32 } from 'node:zlib';
import { isFullDisk } from './disk-space.ts';
import type { Files } from './files.ts';

/** Longer than any note, so that leaving one takes no space: a disk may be full when its fsync fails. */
const NOTE_BYTES = 128;

/** What the last run left word of for recovery. */
export interface AbortNote {
  /** fsync of a ConsumeQueue failed: none of them can be relied on. */
  rebuildQueues: boolean;
  /** The log is flushed up to and including the record at this commitLogOffset. A checkpoint says so, too, and may be damaged. */
  flushedTo: number | undefined;
}

/**
 * `abort` exists while a store is open: found at open, the last run did not end in `close`. The original leaves it
 * empty and looks at its existence only; ours has a note, and blank lines that keep room for one.
 *
 *     rebuildQueues                     only where a ConsumeQueue's fsync failed
 *     flushedTo <offset> <crc32, hex>   the checksum is of what is before it in the line
 *
 * A power cut may take a note back: with rebuildQueues goes the page cache that it warns of, and an older flushedTo says less, but
 * nothing wrong. One that has become wrong must be flushed away.
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
      const text = bytes.toString('latin1', 0, file.readSync(bytes, 0));
      return { rebuildQueues: /^rebuildQueues$/m.test(text), flushedTo: parseFlushedTo(text) };
    } finally {
      file.close();
    }
  }

  /** Where there is no file yet: whoever finds one after a power cut finds the note in it. Errors: what the disk says. */
  async create(note: AbortNote): Promise<void> {
    const unfinished = `${this.#path}.tmp`;
    writeNote(this.#files, unfinished, note);
    await syncFile(this.#files, unfinished);
    this.#files.rename(unfinished, this.#path);
  }

  /** Over what is there. */
  write(note: AbortNote): void {
    writeNote(this.#files, this.#path, note);
  }

  /** Resolves when what was written would survive a power cut. Errors: what the disk says. */
  sync(): Promise<void> {
    return syncFile(this.#files, this.#path);
  }

  remove(): void {
    this.#files.remove(this.#path);
  }
}

function writeNote(files: Files, file: string, { rebuildQueues, flushedTo }: AbortNote): void {
  const lines = [
    ...(rebuildQueues ? ['rebuildQueues'] : []),
    ...(flushedTo === undefined ? [] : [withChecksum(`flushedTo ${flushedTo}`)]),
  ];
  const bytes = Buffer.from(lines.join('\n').padEnd(NOTE_BYTES, '\n'));
  const open = files.open(file, 'write');
  try {
    for (let at = 0; at < bytes.length;) at += open.write(bytes.subarray(at), at);
  } catch (error) {
    if (rebuildQueues || !isFullDisk(error)) throw error;
    // The rest only helps: a store must open, and serve what it has, on a full disk too. What was there may be wrong by now.
    open.truncate(0);
  } finally {
    open.close();
  }
}

async function syncFile(files: Files, file: string): Promise<void> {
  const open = files.open(file, 'write');
  try {
    await open.datasync();
  } finally {
    open.close();
  }
}

function withChecksum(text: string): string {
  return `${text} ${crc32(text).toString(16).padStart(8, '0')}`;
}

function parseFlushedTo(text: string): number | undefined {
  const [line, offset] = /^flushedTo (\d{1,16}) [\da-f]{8}$/m.exec(text) ?? [];
  return line === withChecksum(`flushedTo ${offset}`) ? Number(offset) : undefined;
}
