import path from 'node:path';
import { BLANK_MAGIC } from '../protocol/message.ts';
import type { Files } from './files.ts';
import type { SegmentFile } from './segment-file.ts';

/** What a file system says that has no hard links. */
const NO_LINKS: ReadonlySet<unknown> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EXDEV',
]);
const COPY_BYTES = 1024 * 1024;
const BLANK_BYTES = 8;

export function quarantineDirectory(rootDir: string): string {
  return path.join(rootDir, 'quarantine');
}

/** A store that was made by Millrace has the directory from its beginning; an original's gets it with its first damage. */
export function isOwnStore(files: Files, rootDir: string): boolean {
  return files.listDirectories(rootDir).includes('quarantine');
}

/**
 * `quarantine/`: segments, and parts of segments, that the log cannot be read into, because bytes before them are
 * damaged. Nothing here is ever removed, changed or read by a store.
 *
 * Order:  a file has its name here, on disk, before it loses the other one. Whatever is interrupted is done again, at
 *         worst under one more name.
 * Space:  a hard link, which takes none; a copy where the file system has no links.
 */
export class Quarantine {
  readonly directory: string;
  readonly #files: Files;
  readonly #rootDir: string;

  constructor(files: Files, rootDir: string) {
    this.#files = files;
    this.#rootDir = rootDir;
    this.directory = quarantineDirectory(rootDir);
  }

  /** Moves a whole segment here. Returns its path. Errors: what the disk says; the segment is where it was then. */
  async take(segment: SegmentFile): Promise<string> {
    const name = path.basename(segment.path);
    const taken = this.#files.list(this.directory);
    let target = name;
    // Of an earlier time: the log has grown over the same offsets since.
    for (let number = 1; taken.includes(target); number++) target = `${name}.${number}`;
    await this.#keep(segment, target);
    segment.remove();
    await this.#files.syncDirectory(path.dirname(segment.path));
    return path.join(this.directory, target);
  }

  /**
   * Keeps a segment from `position` on, and closes it there: a blank record, as at the end of every segment, covers the
   * rest, whose bytes stay as they are but for its own eight. These are in the name of the file that is returned.
   *
   * Errors: what the disk says; nothing has been changed then.
   */
  async closeAt(segment: SegmentFile, position: number): Promise<string> {
    const mark = `${path.basename(segment.path)}.damaged-at-${segment.baseOffset + position}.was-`;
    const before = this.#files.list(this.directory).find((name) => name.startsWith(mark));
    const covered = await segment.read(position, BLANK_BYTES);
    const target = before ?? `${mark}${covered.toString('hex')}`;
    // There already: this was interrupted, and the blank record may be half written.
    if (before === undefined) await this.#keep(segment, target);
    const blank = Buffer.alloc(BLANK_BYTES);
    blank.writeInt32BE(segment.sizeBytes - position, 0);
    blank.writeUInt32BE(BLANK_MAGIC, 4);
    segment.write(blank, position);
    await segment.sync();
    return path.join(this.directory, target);
  }

  async #keep(segment: SegmentFile, name: string): Promise<void> {
    const files = this.#files;
    files.makeDirectory(this.directory);
    const target = path.join(this.directory, name);
    // A killed process may have left more in the page cache than on the disk.
    segment.markDirty();
    await segment.sync();
    try {
      files.link(segment.path, target);
    } catch (cause) {
      if (!NO_LINKS.has((cause as NodeJS.ErrnoException).code)) throw cause;
      await this.#copy(segment, target);
    }
    await files.syncDirectory(this.directory);
    await files.syncDirectory(this.#rootDir);
  }

  /** As sparse as the segment. */
  async #copy(segment: SegmentFile, target: string): Promise<void> {
    const unfinished = `${target}.tmp`;
    const file = this.#files.open(unfinished, 'write');
    try {
      file.truncate(0);
      file.truncate(segment.sizeBytes);
      for (let at = 0; at < segment.sizeBytes; at += COPY_BYTES) {
        const bytes = await segment.read(at, Math.min(COPY_BYTES, segment.sizeBytes - at));
        if (bytes.every((byte) => byte === 0)) continue;
        for (let done = 0; done < bytes.length;) {
          done += file.write(bytes.subarray(done), at + done);
        }
      }
      await file.datasync();
    } catch (error) {
      file.close();
      this.#files.remove(unfinished);
      throw error;
    }
    file.close();
    this.#files.rename(unfinished, target);
  }
}
