import type { Files, OpenFile } from '../store/files.ts';

/** Like a disk under a process that is killed: from then on nothing that is left of it changes a byte any more. */
export class MortalFiles implements Files {
  readonly #files: Files;
  #isDead = false;

  constructor(files: Files) {
    this.#files = files;
  }

  kill(): void {
    this.#isDead = true;
  }

  makeDirectory(directory: string): void {
    this.#unlessDead(() => this.#files.makeDirectory(directory));
  }

  list(directory: string): string[] {
    return this.#files.list(directory);
  }

  listDirectories(directory: string): string[] {
    return this.#files.listDirectories(directory);
  }

  sizeOf(file: string): number | undefined {
    return this.#files.sizeOf(file);
  }

  allocatedBytes(file: string): number {
    return this.#files.allocatedBytes(file);
  }

  open(file: string, mode: 'read' | 'write'): OpenFile {
    if (this.#isDead && mode === 'write') return nothing;
    const opened = this.#files.open(file, mode);
    return {
      readSync: (target, position) => opened.readSync(target, position),
      read: (target, position) => opened.read(target, position),
      write: (source, position) => (this.#isDead ? source.length : opened.write(source, position)),
      truncate: (sizeBytes) => this.#unlessDead(() => opened.truncate(sizeBytes)),
      datasync: async () => {
        if (!this.#isDead) await opened.datasync();
      },
      close: () => opened.close(),
    };
  }

  rename(from: string, to: string): void {
    this.#unlessDead(() => this.#files.rename(from, to));
  }

  link(from: string, to: string): void {
    this.#unlessDead(() => this.#files.link(from, to));
  }

  remove(file: string): void {
    this.#unlessDead(() => this.#files.remove(file));
  }

  async removeLarge(file: string): Promise<void> {
    if (!this.#isDead) await this.#files.removeLarge(file);
  }

  removeTree(directory: string): void {
    this.#unlessDead(() => this.#files.removeTree(directory));
  }

  async syncDirectory(directory: string): Promise<void> {
    if (!this.#isDead) await this.#files.syncDirectory(directory);
  }

  diskUsage(directory: string): ReturnType<Files['diskUsage']> {
    return this.#files.diskUsage(directory);
  }

  /** The lock of a dead process is free. It names this process, which lives: it is let go of in any case. */
  lock(file: string): () => void {
    return this.#files.lock(file);
  }

  #unlessDead(change: () => void): void {
    if (!this.#isDead) change();
  }
}

/** What a dead process writes into. */
const nothing: OpenFile = {
  readSync: () => 0,
  read: () => Promise.resolve(0),
  write: (source) => source.length,
  truncate: () => undefined,
  datasync: () => Promise.resolve(),
  close: () => undefined,
};
