import path from 'node:path';
import { MqError } from '../../mq/errors.ts';
import type { DiskUsage, Files, OpenFile } from '../../mq/store/files.ts';
import { SeededRandom } from '../../infra/seeded-random.ts';

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;

type Operation =
  'write' | 'datasync' | 'syncDirectory' | 'truncate' | 'open' | 'read' | 'removeLarge' | 'link';

interface Fault {
  operation: Operation;
  /** Part of the path. */
  path: string;
  /** Undefined: a write that is cut short, and no error with it. */
  code: string | undefined;
  /** A write gets so many bytes done before it fails, or ends. */
  afterBytes: number;
}

type Pages = Map<number, Buffer>;

/** What the kernel knows of a file, and what the disk would still know after a power cut. */
class Inode {
  readonly pages: Pages = new Map();
  size = 0;
  readonly dirty = new Set<number>();
  durablePages: Pages = new Map();
  durableSize = 0;
}

type NameChange = { name: string; inode: Inode | undefined };

/**
 * A disk in memory that fails on demand.
 *
 *  - `failNext` makes one coming operation fail, a write after some of its bytes; `shortenNext` ends a write early.
 *  - `capacityBytes` bounds what can be stored: ENOSPC beyond it.
 *  - `holdSyncs` keeps fsync from completing.
 *  - `killProcess` ends every open file and lock, and keeps all that was written.
 *  - `cutPower` also loses what was not synced: each page that was written since is lost, kept, or torn at a sector,
 *    each new or removed name since its directory was synced may be undone.
 *
 * After a failed fsync the written pages count as clean without being durable, as on Linux.
 */
export class FaultyFiles implements Files {
  capacityBytes = Number.POSITIVE_INFINITY;
  /** What others use of the disk, in percent, while capacityBytes is Infinity. */
  usedPercent = 0;
  readonly #random: SeededRandom;
  readonly #directories = new Map<string, Map<string, Inode>>();
  /** Changes of names since the directory was synced, oldest first, with what the name meant before. */
  readonly #unsyncedNames = new Map<string, NameChange[]>();
  readonly #locks = new Set<string>();
  readonly #counts = new Map<Operation, number>();
  #faults: Fault[] = [];
  #syncGate: Promise<void> | undefined;
  /** Counts the lives of the simulated process: handles of an earlier one are dead. */
  #life = 0;

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed);
  }

  failNext(
    operation: Operation,
    options: { path?: string; code: string; afterBytes?: number },
  ): void {
    const { path: part = '', code, afterBytes = 0 } = options;
    this.#faults.push({ operation, path: part, code, afterBytes });
  }

  /** The next write to such a path takes so many bytes at most, and says so, as the kernel may. */
  shortenNext(path: string, bytes: number): void {
    this.#faults.push({ operation: 'write', path, code: undefined, afterBytes: bytes });
  }

  /** From now on so many more bytes can be stored, in whole pages. */
  limitFreeSpace(bytes: number): void {
    this.capacityBytes = this.#usedBytes() + bytes;
  }

  /** How often an operation was asked for. */
  count(operation: Operation): number {
    return this.#counts.get(operation) ?? 0;
  }

  /** No fsync completes until the returned function is called. */
  holdSyncs(): () => void {
    const { promise, resolve } = withResolvers();
    this.#syncGate = promise;
    return () => {
      this.#syncGate = undefined;
      resolve();
    };
  }

  /** The disk as one process sees it: every call fails once that process was killed. */
  process(): Files {
    const life = this.#life;
    return new Proxy(this, {
      get: (disk, name) => {
        if (life !== this.#life)
          throw systemError('EIO', `${String(name)} (its process was killed)`);
        const member: unknown = Reflect.get(disk, name, disk);
        return typeof member === 'function' ? (member.bind(disk) as unknown) : member;
      },
    });
  }

  killProcess(): void {
    this.#life++;
    this.#locks.clear();
    this.#faults = [];
    this.#syncGate = undefined;
  }

  cutPower(): void {
    this.killProcess();
    for (const [directory, changes] of this.#unsyncedNames) {
      // Names are journaled in order, so those that survive are the first ones.
      const kept = this.#random.below(changes.length + 1);
      const names = this.#names(directory);
      for (const { name, inode } of changes.slice(kept).toReversed()) {
        if (inode === undefined) names.delete(name);
        else names.set(name, inode);
      }
    }
    this.#unsyncedNames.clear();
    for (const names of this.#directories.values()) {
      for (const inode of names.values()) this.#loseUnsynced(inode);
    }
  }

  #loseUnsynced(inode: Inode): void {
    const size = this.#random.chance(0.5) ? inode.size : inode.durableSize;
    const survived: Pages = new Map(inode.durablePages);
    for (const index of inode.dirty) {
      const fresh = inode.pages.get(index);
      const old = inode.durablePages.get(index);
      const fate = this.#random.below(3);
      if (fate === 0) continue;
      const torn =
        fate === 1 ? SECTOR_BYTES * this.#random.below(PAGE_BYTES / SECTOR_BYTES) : PAGE_BYTES;
      const page = Buffer.from(old ?? Buffer.alloc(PAGE_BYTES));
      (fresh ?? Buffer.alloc(PAGE_BYTES)).copy(page, 0, 0, torn);
      survived.set(index, page);
    }
    inode.pages.clear();
    for (const [index, page] of survived) {
      if (index * PAGE_BYTES < size) inode.pages.set(index, Buffer.from(page));
    }
    inode.size = size;
    inode.dirty.clear();
    inode.durablePages = clonePages(inode.pages);
    inode.durableSize = size;
  }

  /** The whole file as the kernel sees it. */
  bytes(file: string): Buffer {
    const inode = this.#find(file);
    if (inode === undefined) throw systemError('ENOENT', file);
    const bytes = Buffer.alloc(inode.size);
    for (const [index, page] of inode.pages) page.copy(bytes, index * PAGE_BYTES);
    return bytes;
  }

  /** Replaces a file, durably: for building broken directories by hand. */
  put(file: string, bytes: Buffer): void {
    this.makeDirectory(path.dirname(file));
    const inode = new Inode();
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      const page = Buffer.alloc(PAGE_BYTES);
      bytes.copy(page, 0, at, at + PAGE_BYTES);
      if (page.some((byte) => byte !== 0)) inode.pages.set(at / PAGE_BYTES, page);
    }
    inode.size = bytes.length;
    inode.durableSize = bytes.length;
    inode.durablePages = clonePages(inode.pages);
    this.#names(path.dirname(file)).set(path.basename(file), inode);
  }

  makeDirectory(directory: string): void {
    for (let at = path.resolve(directory); ; at = path.dirname(at)) {
      if (!this.#directories.has(at)) this.#directories.set(at, new Map());
      if (at === path.dirname(at)) return;
    }
  }

  list(directory: string): string[] {
    const names = this.#directories.get(path.resolve(directory))?.keys() ?? [];
    return [...names, ...this.listDirectories(directory)].toSorted();
  }

  listDirectories(directory: string): string[] {
    const parent = path.resolve(directory);
    return [...this.#directories.keys()]
      .filter((each) => each !== parent && path.dirname(each) === parent)
      .map((each) => path.basename(each))
      .toSorted();
  }

  sizeOf(file: string): number | undefined {
    return this.#find(file)?.size;
  }

  allocatedBytes(file: string): number {
    return (this.#find(file)?.pages.size ?? 0) * PAGE_BYTES;
  }

  open(file: string, mode: 'read' | 'write'): OpenFile {
    this.#check('open', file);
    let inode = this.#find(file);
    if (inode === undefined) {
      const directory = path.dirname(path.resolve(file));
      if (mode === 'read' || !this.#directories.has(directory)) throw systemError('ENOENT', file);
      inode = new Inode();
      this.#setName(file, inode);
    }
    return this.#handle(file, inode);
  }

  rename(from: string, to: string): void {
    const inode = this.#find(from);
    if (inode === undefined) throw systemError('ENOENT', from);
    this.#setName(to, inode);
    this.#setName(from, undefined);
  }

  link(from: string, to: string): void {
    this.#check('link', to);
    const inode = this.#find(from);
    if (inode === undefined) throw systemError('ENOENT', from);
    if (this.#find(to) !== undefined) throw systemError('EEXIST', to);
    this.#setName(to, inode);
  }

  remove(file: string): void {
    if (this.#find(file) !== undefined) this.#setName(file, undefined);
  }

  async removeLarge(file: string): Promise<void> {
    this.#check('removeLarge', file);
    this.remove(file);
  }

  removeTree(directory: string): void {
    const root = path.resolve(directory);
    for (const each of Array.from(this.#directories.keys())) {
      if (each === root || each.startsWith(root + path.sep)) {
        this.#directories.delete(each);
        this.#unsyncedNames.delete(each);
      }
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#check('syncDirectory', directory);
    this.#names(directory);
    this.#unsyncedNames.delete(path.resolve(directory));
    await this.#syncGate;
  }

  diskUsage(): DiskUsage {
    if (!Number.isFinite(this.capacityBytes)) {
      return { usedPercent: this.usedPercent, usedBytes: 0, freeBytes: 2 ** 50 };
    }
    const used = this.#usedBytes();
    return {
      usedPercent: (100 * used) / this.capacityBytes,
      usedBytes: used,
      freeBytes: Math.max(0, this.capacityBytes - used),
    };
  }

  lock(file: string): () => void {
    const absolute = path.resolve(file);
    if (this.#locks.has(absolute)) throw new MqError('STORE_FAILED', `${file} is locked`);
    this.#locks.add(absolute);
    const life = this.#life;
    return () => {
      if (life === this.#life) this.#locks.delete(absolute);
    };
  }

  #handle(file: string, inode: Inode): OpenFile {
    const life = this.#life;
    let isOpen = true;
    const check = (operation: Operation): Fault | undefined => {
      if (life !== this.#life) throw systemError('EIO', `${file} (its process was killed)`);
      if (!isOpen) throw systemError('EBADF', file);
      return this.#check(operation, file, operation !== 'write' && operation !== 'datasync');
    };
    const readSync = (target: Uint8Array, position: number): number => {
      check('read');
      return readFrom(inode, target, position);
    };
    return {
      readSync,
      read: async (target, position) => readSync(target, position),
      write: (source, position) => {
        const fault = check('write');
        const wanted = Math.min(source.length, fault?.afterBytes ?? source.length);
        const written = this.#writeTo(inode, source.subarray(0, wanted), position);
        // As the kernel does: what could be written is reported first, the error comes with the next call.
        if (written > 0) {
          if (fault?.code !== undefined) this.#faults.unshift({ ...fault, afterBytes: 0 });
          return written;
        }
        if (source.length === 0) return 0;
        throw systemError(fault?.code ?? 'ENOSPC', file);
      },
      truncate: (sizeBytes) => {
        check('truncate');
        truncateTo(inode, sizeBytes);
      },
      datasync: async () => {
        const size = inode.size;
        const pages = Array.from(inode.dirty, (index) => {
          const page = inode.pages.get(index);
          return { index, page, bytes: page && Buffer.from(page) };
        });
        const fault = check('datasync');
        if (fault !== undefined) {
          inode.dirty.clear();
          throw systemError(fault.code!, file);
        }
        await this.#syncGate;
        await new Promise<void>((resolve) => setImmediate(resolve));
        // Killed meanwhile: the kernel may or may not have finished, and whoever asked is gone.
        if (life !== this.#life) throw systemError('EIO', `${file} (its process was killed)`);
        for (const { index, page, bytes } of pages) {
          if (bytes === undefined) inode.durablePages.delete(index);
          else inode.durablePages.set(index, bytes);
          const now = inode.pages.get(index);
          if (now === page && (now === undefined || now.equals(bytes!))) inode.dirty.delete(index);
        }
        inode.durableSize = size;
      },
      close: () => {
        isOpen = false;
      },
    };
  }

  #writeTo(inode: Inode, source: Uint8Array, position: number): number {
    let written = 0;
    while (written < source.length) {
      const at = position + written;
      const index = Math.floor(at / PAGE_BYTES);
      let page = inode.pages.get(index);
      if (page === undefined) {
        if (this.#isFull()) break;
        page = Buffer.alloc(PAGE_BYTES);
        inode.pages.set(index, page);
      }
      const count = Math.min(source.length - written, PAGE_BYTES - (at % PAGE_BYTES));
      page.set(source.subarray(written, written + count), at % PAGE_BYTES);
      inode.dirty.add(index);
      written += count;
    }
    inode.size = Math.max(inode.size, position + written);
    return written;
  }

  #isFull(): boolean {
    return (
      Number.isFinite(this.capacityBytes) && this.#usedBytes() + PAGE_BYTES > this.capacityBytes
    );
  }

  #usedBytes(): number {
    const inodes = new Set(
      Array.from(this.#directories.values(), (names) => [...names.values()]).flat(),
    );
    let pages = 0;
    for (const inode of inodes) pages += inode.pages.size;
    return pages * PAGE_BYTES;
  }

  /** Throws the fault that was ordered for this operation, or returns it when the caller has to time it. */
  #check(operation: Operation, file: string, throws = true): Fault | undefined {
    this.#counts.set(operation, this.count(operation) + 1);
    const index = this.#faults.findIndex(
      (fault) => fault.operation === operation && file.includes(fault.path),
    );
    if (index < 0) return undefined;
    const [fault] = this.#faults.splice(index, 1);
    if (throws) throw systemError(fault!.code!, file);
    return fault;
  }

  #find(file: string): Inode | undefined {
    const absolute = path.resolve(file);
    return this.#directories.get(path.dirname(absolute))?.get(path.basename(absolute));
  }

  #names(directory: string): Map<string, Inode> {
    const names = this.#directories.get(path.resolve(directory));
    if (names === undefined) throw systemError('ENOENT', directory);
    return names;
  }

  #setName(file: string, inode: Inode | undefined): void {
    const absolute = path.resolve(file);
    const directory = path.dirname(absolute);
    const name = path.basename(absolute);
    const names = this.#names(directory);
    const changes = this.#unsyncedNames.get(directory) ?? [];
    changes.push({ name, inode: names.get(name) });
    this.#unsyncedNames.set(directory, changes);
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
  }
}

function readFrom(inode: Inode, target: Uint8Array, position: number): number {
  const count = Math.max(0, Math.min(target.length, inode.size - position));
  for (let done = 0; done < count;) {
    const at = position + done;
    const inPage = at % PAGE_BYTES;
    const take = Math.min(count - done, PAGE_BYTES - inPage);
    const page = inode.pages.get(Math.floor(at / PAGE_BYTES));
    if (page === undefined) target.fill(0, done, done + take);
    else target.set(page.subarray(inPage, inPage + take), done);
    done += take;
  }
  return count;
}

function truncateTo(inode: Inode, sizeBytes: number): void {
  const last = Math.floor(sizeBytes / PAGE_BYTES);
  for (const index of Array.from(inode.pages.keys())) {
    if (index * PAGE_BYTES >= sizeBytes) {
      inode.pages.delete(index);
      inode.dirty.add(index);
    } else if (index === last) {
      inode.pages.get(index)!.fill(0, sizeBytes % PAGE_BYTES);
      inode.dirty.add(index);
    }
  }
  inode.size = sizeBytes;
}

function clonePages(pages: Pages): Pages {
  return new Map(Array.from(pages, ([index, page]) => [index, Buffer.from(page)]));
}

function systemError(code: string, file: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${file}`), { code });
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
