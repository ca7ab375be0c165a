import type { Files, OpenFile } from '../../mq/store/files.ts';
import type { FaultyFiles } from './faulty-files.ts';

/** How the process ends: killed, or with the whole machine. */
export type Death = 'kill' | 'power';

export interface DyingFilesOptions {
  /** The process dies instead of this operation, counted from 1; Infinity only counts. */
  readonly at: number;
  readonly death: Death;
  /** Of a write that it dies in: how many bytes still get through. */
  readonly tear: (bytes: Uint8Array) => number;
  readonly onDeath?: () => void;
}

const operations: ReadonlySet<string> = new Set([
  'open',
  'rename',
  'link',
  'remove',
  'removeLarge',
  'removeTree',
  'syncDirectory',
]);

/** One process's view of a simulated disk that ends with its n-th operation: to try every point of a crash in turn. */
export class DyingFiles {
  readonly #disk: FaultyFiles;
  readonly #options: DyingFilesOptions;
  readonly #writes: { at: number; path: string }[] = [];
  #count = 0;
  #isDead = false;

  constructor(disk: FaultyFiles, options: DyingFilesOptions) {
    this.#disk = disk;
    this.#options = options;
  }

  /** Operations so far. */
  get count(): number {
    return this.#count;
  }

  /** The operations that wrote to a file, or to all below a directory; `part` of its path. */
  writesTo(part: string): number[] {
    return this.#writes.filter(({ path }) => path.includes(part)).map(({ at }) => at);
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  process(): Files {
    const files = this.#disk.process();
    return new Proxy(files, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function' || !operations.has(String(name))) return member;
        return (...args: unknown[]): unknown => {
          this.#step();
          const result: unknown = Reflect.apply(member, target, args);
          return name === 'open' ? this.#openFile(String(args[0]), result as OpenFile) : result;
        };
      },
    });
  }

  #openFile(path: string, file: OpenFile): OpenFile {
    return {
      ...file,
      write: (source, position) => {
        this.#writes.push({ at: this.#count + 1, path });
        this.#step(() => file.write(source.subarray(0, this.#options.tear(source)), position));
        return file.write(source, position);
      },
      truncate: (sizeBytes) => {
        this.#step();
        file.truncate(sizeBytes);
      },
      datasync: () => {
        this.#step();
        return file.datasync();
      },
    };
  }

  #step(lastWords?: () => void): void {
    this.#count++;
    if (!this.#isDead && this.#count < this.#options.at) return;
    if (!this.#isDead) {
      lastWords?.();
      this.#isDead = true;
      this.#options.onDeath?.();
      if (this.#options.death === 'kill') this.#disk.killProcess();
      else this.#disk.cutPower();
    }
    throw Object.assign(new Error('EIO: the process is dead'), { code: 'EIO' });
  }
}
