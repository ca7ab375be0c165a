import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { lockFile } from './lock-file.ts';

/** One open file. Positions are bytes from its start. */
export interface OpenFile {
  /** Reads what there is, up to the length of `target`, and returns the count; 0 at the end of the file. */
  readSync(target: Uint8Array, position: number): number;
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes into the page cache. The count may fall short of what was given, as the kernel's may. */
  write(source: Uint8Array, position: number): number;
  /** Sets the size; growth reads as zeros and takes no space. */
  truncate(sizeBytes: number): void;
  /** Resolves when data, and the size if it changed, would survive a power cut. */
  datasync(): Promise<void>;
  close(): void;
}

export interface DiskUsage {
  usedPercent: number;
  usedBytes: number;
  freeBytes: number;
}

/**
 * Every way the store touches a disk, and nothing else does: tests pass one that fails on demand.
 *
 * Writes are synchronous, because handing a page-cache copy to another thread costs more than the copy; what
 * waits for the device (datasync, reads of old data) is not.
 *
 * Errors: those of node:fs, with their `code`.
 */
export interface Files {
  makeDirectory(directory: string): void;
  /** Names in a directory, sorted; none when it does not exist. */
  list(directory: string): string[];
  /** Names of the directories in a directory, sorted; none when it does not exist. */
  listDirectories(directory: string): string[];
  /** Size in bytes, or undefined when there is no such file. */
  sizeOf(file: string): number | undefined;
  /** What the file takes on the disk: less than its size where it is sparse. 0 when there is no such file. */
  allocatedBytes(file: string): number;
  /** 'write' creates the file when it is missing, and reads too. */
  open(file: string, mode: 'read' | 'write'): OpenFile;
  rename(from: string, to: string): void;
  /** One more name for a file. Errors: EPERM and others where the file system has no such links. */
  link(from: string, to: string): void;
  /** Removes a file; one that is missing is no error. */
  remove(file: string): void;
  /** As remove, but on another thread: giving back the space of a large file takes the kernel long. */
  removeLarge(file: string): Promise<void>;
  removeTree(directory: string): void;
  /** Makes created, renamed and removed names survive a power cut. */
  syncDirectory(directory: string): Promise<void>;
  diskUsage(directory: string): DiskUsage;
  /**
   * Takes the lock that one process at a time may hold, and returns how to let it go.
   *
   * Errors: STORE_FAILED naming the process that holds it.
   */
  lock(file: string): () => void;
}

/** `blocks` of a stat counts in these, whatever the file system's are. */
const STAT_BLOCK_BYTES = 512;
const readAsync = promisify(fs.read);
const fdatasyncAsync = promisify(fs.fdatasync);

class NodeFile implements OpenFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  readSync(target: Uint8Array, position: number): number {
    return fs.readSync(this.#descriptor, target, 0, target.length, position);
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const { bytesRead } = await readAsync(this.#descriptor, target, 0, target.length, position);
    return bytesRead;
  }

  write(source: Uint8Array, position: number): number {
    return fs.writeSync(this.#descriptor, source, 0, source.length, position);
  }

  truncate(sizeBytes: number): void {
    fs.ftruncateSync(this.#descriptor, sizeBytes);
  }

  datasync(): Promise<void> {
    return fdatasyncAsync(this.#descriptor);
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}

export const nodeFiles: Files = {
  makeDirectory(directory) {
    fs.mkdirSync(directory, { recursive: true });
  },

  list(directory) {
    return fs.existsSync(directory) ? fs.readdirSync(directory).toSorted() : [];
  },

  listDirectories(directory) {
    if (!fs.existsSync(directory)) return [];
    return fs
      .readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted();
  },

  sizeOf(file) {
    return fs.statSync(file, { throwIfNoEntry: false })?.size;
  },

  allocatedBytes(file) {
    return (fs.statSync(file, { throwIfNoEntry: false })?.blocks ?? 0) * STAT_BLOCK_BYTES;
  },

  open(file, mode) {
    const { O_CREAT, O_RDONLY, O_RDWR } = fs.constants;
    return new NodeFile(fs.openSync(file, mode === 'read' ? O_RDONLY : O_RDWR | O_CREAT, 0o644));
  },

  rename(from, to) {
    fs.renameSync(from, to);
  },

  link(from, to) {
    fs.linkSync(from, to);
  },

  remove(file) {
    fs.rmSync(file, { force: true });
  },

  async removeLarge(file) {
    await fs.promises.rm(file, { force: true });
  },

  removeTree(directory) {
    fs.rmSync(directory, { force: true, recursive: true });
  },

  async syncDirectory(directory) {
    // Windows cannot open a directory; its file systems journal names by themselves.
    if (path.sep === '\\') return;
    const handle = await fs.promises.open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },

  diskUsage(directory) {
    const { blocks, bfree, bavail, bsize } = fs.statfsSync(directory);
    const used = blocks - bfree;
    // As df counts: the share of what is not reserved for the superuser.
    const usedPercent = used + bavail === 0 ? 0 : (100 * used) / (used + bavail);
    return { usedPercent, usedBytes: used * bsize, freeBytes: bavail * bsize };
  },

  lock: lockFile,
};
