import path from 'node:path';
import type { Logger } from '../logger.ts';
import type { Files } from './files.ts';
import {
  CLOCK_SLACK_MS,
  IndexFile,
  isUnreadable,
  type IndexFileOptions,
  type IndexHit,
  type TimeRange,
} from './index-file.ts';
import {
  headerProblem,
  indexFileBytes,
  isIndexFileName,
  nextIndexFileName,
  type IndexSizes,
} from './index-layout.ts';

export interface IndexFilesOptions {
  files: Files;
  rootDir: string;
  sizes: IndexSizes;
  logger: Logger;
}

/** The IndexFiles of a store, `index/<yyyyMMddHHmmssSSS>`, oldest first. All but the last are full. */
export class IndexFiles {
  readonly directory: string;
  /** Made by this process: it survives a power cut only after the store's root was synced. */
  isDirectoryNew = false;
  readonly #options: IndexFilesOptions;
  readonly #fileOptions: IndexFileOptions;
  #list: IndexFile[];

  /** Lists the directory and reads the headers. A file that cannot be an IndexFile is set aside, those behind it go. */
  constructor(options: IndexFilesOptions) {
    this.#options = options;
    const { files, rootDir, sizes } = options;
    this.directory = path.join(rootDir, 'index');
    this.#fileOptions = { files, directory: this.directory, sizes };
    this.#list = this.#find();
  }

  get all(): readonly IndexFile[] {
    return this.#list;
  }

  get last(): IndexFile | undefined {
    return this.#list.at(-1);
  }

  #find(): IndexFile[] {
    const { files, sizes, logger } = this.#options;
    const found: IndexFile[] = [];
    const behind: IndexFile[] = [];
    let broken: { file: IndexFile; problem: string } | undefined;
    for (const name of files.list(this.directory)) {
      if (!isIndexFileName(name)) {
        logger.warn('ignoring a file that is no IndexFile', { name });
        continue;
      }
      const file = new IndexFile(this.#fileOptions, name);
      // Indexing goes on behind the last whole file: what is behind a damaged one would come twice.
      if (broken !== undefined) {
        behind.push(file);
        continue;
      }
      const problem =
        this.#sizeProblem(file) ?? readProblem(file) ?? headerProblem(file.header, sizes);
      if (problem === undefined) {
        file.close();
        found.push(file);
      } else {
        broken = { file, problem };
      }
    }
    removeLastFirst(behind);
    if (broken !== undefined) this.#setAside(broken.file, broken.problem);
    // The original's names go by local time, which is set back once a year.
    return found.toSorted((a, b) => a.header.beginPhyOffset - b.header.beginPhyOffset);
  }

  #sizeProblem(file: IndexFile): string | undefined {
    const bytes = this.#options.files.sizeOf(file.path);
    const wanted = indexFileBytes(this.#options.sizes);
    // Cut off from power before its size was flushed: what is missing reads as zeros.
    if (bytes === undefined || bytes <= wanted) return undefined;
    return `it has ${bytes} bytes, ${wanted} are what maxHashSlotNum and maxIndexNum make`;
  }

  /** A new last file, of a later name than all others and than the one that the checkpoint vouches for. The one before must be written. */
  add(nowMs: number, vouchedName: string | undefined): IndexFile {
    const { files } = this.#options;
    files.makeDirectory(this.directory);
    if (this.#list.length === 0) this.isDirectoryNew = true;
    const names = [...files.list(this.directory).filter(isIndexFileName), vouchedName ?? ''];
    const name = nextIndexFileName(nowMs, names.toSorted().at(-1));
    const file = new IndexFile(this.#fileOptions, name);
    file.goOnFrom(this.last?.header);
    this.last?.unload();
    this.#list.push(file);
    return file;
  }

  /** Messages of one hash that may have been stored in the range, newest first; of a file that cannot be read none. */
  async *hits(
    keyHash: number,
    range: TimeRange,
    onDamage: (file: IndexFile, problem: string) => void,
  ): AsyncGenerator<IndexHit> {
    for (const file of this.#list.toReversed()) {
      const { beginTimestamp, endTimestamp } = file.header;
      const oldest = Math.min(beginTimestamp, endTimestamp) - CLOCK_SLACK_MS;
      const newest = Math.max(beginTimestamp, endTimestamp) + CLOCK_SLACK_MS;
      if (file.isEmpty || newest < range.beginMs || oldest > range.endMs) continue;
      try {
        yield* file.hits(keyHash, range, (problem) => onDamage(file, problem));
      } catch (cause) {
        if (!isUnreadable(cause)) throw cause;
        onDamage(file, String(cause));
      }
      // Of files that do not grow a descriptor would be held for one query a day.
      if (file !== this.last) file.close();
    }
  }

  /**
   * Removes the files all of whose messages are gone, now that the CommitLog begins at `minCommitLogOffset`; never the
   * last one.
   */
  removeBefore(minCommitLogOffset: number): void {
    while (this.#list.length > 1) {
      const first = this.#list[0]!;
      // An empty one with others behind it has lost what it had: recovery is to find that.
      if (first.isEmpty || first.header.endPhyOffset >= minCommitLogOffset) return;
      this.#list.shift();
      first.remove();
      this.#options.logger.info('removed an IndexFile of messages that are gone', {
        name: first.name,
        endPhyOffset: first.header.endPhyOffset,
        minCommitLogOffset,
      });
    }
  }

  /** Removes this file and all behind it: the log has all that they have. */
  removeFrom(file: IndexFile): void {
    const at = this.#list.indexOf(file);
    if (at < 0) return;
    removeLastFirst(this.#list.splice(at));
  }

  /** Puts this file into quarantine and removes those behind it. */
  setAsideFrom(file: IndexFile, problem: string): void {
    const at = this.#list.indexOf(file);
    if (at < 0) return;
    const [damaged, ...behind] = this.#list.splice(at);
    removeLastFirst(behind);
    this.#setAside(damaged!, problem);
  }

  #setAside(file: IndexFile, problem: string): void {
    const { files, rootDir, logger } = this.#options;
    const quarantine = path.join(rootDir, 'quarantine');
    logger.error('an IndexFile is damaged; it is set aside, and indexing goes on before it', {
      name: file.name,
      problem,
      directory: quarantine,
    });
    try {
      file.setAside(files, quarantine);
    } catch (cause) {
      logger.error('a damaged IndexFile cannot be moved to quarantine', { name: file.name, cause });
      file.remove();
    }
  }

  close(): void {
    for (const file of this.#list) file.close();
  }
}

/** In this order, because what a crash leaves of the files must have no gap: indexing goes on behind the last one. */
function removeLastFirst(files: readonly IndexFile[]): void {
  for (const file of files.toReversed()) file.remove();
}

/** Why the header cannot be read, in words. */
function readProblem(file: IndexFile): string | undefined {
  try {
    file.readHeader();
    return undefined;
  } catch (cause) {
    return String(cause);
  }
}
