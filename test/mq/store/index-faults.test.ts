import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { MessageStore, StoreOptions } from '../../../mq/store/message-store.ts';
import { settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { find, INDEX_DIRECTORY, indexFile, indexFiles, StampClock } from './index-under-test.ts';
import { bodies, commitLogFile, message, openStore, ROOT } from './store-under-test.ts';

const sizes = { maxHashSlotNum: 3, maxIndexNum: 8 };
const QUARANTINE = path.join(ROOT, 'quarantine');

/** A store with messages m0, m1 …, each with the keys `k` and `n<number>`. */
class IndexedStore {
  readonly files = new FaultyFiles();
  readonly stamps = new StampClock();
  readonly logger = new RecordingLogger();
  store!: MessageStore;
  count = 0;

  static async open(options: Partial<StoreOptions> = {}): Promise<IndexedStore> {
    const opened = new IndexedStore();
    await opened.reopen(options);
    return opened;
  }

  async reopen(options: Partial<StoreOptions> = {}): Promise<void> {
    this.store = await openStore(this.files.process(), {
      clock: this.stamps.clock,
      logger: this.logger,
      ...sizes,
      ...options,
    });
    await this.settle();
  }

  async settle(): Promise<void> {
    await this.stamps.fake.advanceAndSettle(12_000);
    await settle(30);
  }

  async send(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      const number = this.count++;
      this.stamps.nowMs += 10;
      await this.store.append(
        message(`m${number}`, { properties: { KEYS: `k n${number}` }, queueId: 0 }),
      );
    }
  }

  async kill(): Promise<void> {
    this.files.killProcess();
    await Promise.allSettled([this.store.close()]);
  }

  /** Every message is found by both of its keys. */
  async expectAll(): Promise<void> {
    const all = Array.from({ length: this.count }, (_, number) => `m${number}`);
    expect(await find(this.store, 'k', { maxCount: 1000 })).toEqual(all);
    const each = await Promise.all(all.map((_, number) => find(this.store, `n${number}`)));
    expect(each.flat()).toEqual(all);
  }

  said(part: string): number {
    return this.logger.entries.filter(({ message: text }) => text.includes(part)).length;
  }

  names(): string[] {
    return this.files.list(INDEX_DIRECTORY);
  }

  overwrite(name: string, change: (bytes: Buffer) => Buffer | void): void {
    const bytes = this.files.bytes(indexFile(name));
    this.files.put(indexFile(name), change(bytes) ?? bytes);
  }
}

describe('a disk that takes no index', () => {
  it('holds up no message, is said once, and is made up for when it takes it again', async () => {
    const indexed = await IndexedStore.open();
    await indexed.send(2);
    for (let fault = 0; fault < 3; fault++) {
      indexed.files.failNext('write', { path: 'index', code: 'ENOSPC' });
    }
    await indexed.settle();
    await indexed.send(10);
    expect(indexed.said('the index cannot be written')).toBe(1);
    await indexed.settle();
    await indexed.settle();
    expect(indexed.said('the index can be written again')).toBe(1);
    await indexed.expectAll();
    await indexed.store.close();
    await indexed.reopen();
    await indexed.expectAll();
    await indexed.store.close();
  });

  it('keeps no more than a bounded number of entries in memory, and then catches up', async () => {
    const indexed = await IndexedStore.open({
      maxHashSlotNum: 1000,
      maxIndexNum: 1_000_000,
      commitLogSegmentBytes: 64 * 1024 * 1024,
      flushDiskType: 'ASYNC_FLUSH',
    });
    const keys = Array.from({ length: 1000 }, (_, number) => `w${number}`).join(' ');
    const many = message('many', { properties: { KEYS: keys } });
    let isRefusing = true;
    const refuse = (): void => {
      if (!isRefusing) return;
      // More than there are tries until the next call.
      for (let fault = 0; fault < 8; fault++) {
        indexed.files.failNext('write', { path: 'index', code: 'ENOSPC' });
      }
    };
    refuse();
    for (let sent = 0; sent < 230; sent++) {
      await indexed.store.append(many);
      if (sent % 10 !== 0) continue;
      refuse();
      await indexed.stamps.fake.advanceAndSettle(5100);
    }
    const whileRefused = await find(indexed.store, 'w1', { maxCount: 1000 });
    expect(whileRefused.length).toBeLessThan(230);
    isRefusing = false;
    for (let retry = 0; retry < 40; retry++) await indexed.settle();
    expect(await find(indexed.store, 'w1', { maxCount: 1000 })).toHaveLength(230);
    await indexed.store.close();
  }, 30_000);

  it('is made again after an fsync failed: nobody knows what the disk has', async () => {
    const indexed = await IndexedStore.open();
    await indexed.send(10);
    await indexed.settle();
    indexed.files.failNext('datasync', { path: 'index', code: 'EIO' });
    await indexed.store.close();
    expect(indexed.said('the index cannot be flushed')).toBe(1);
    const before = indexed.names();
    await indexed.reopen();
    expect(indexed.said('removed an IndexFile and those behind it')).toBe(1);
    expect(indexed.names()).not.toEqual(before);
    await indexed.expectAll();
    await indexed.store.close();
    await indexed.reopen();
    await indexed.expectAll();
    expect(indexed.said('removed an IndexFile and those behind it')).toBe(1);
    await indexed.store.close();
  });
});

describe('a damaged index file', () => {
  it.each<[string, (bytes: Buffer) => Buffer | void]>([
    ['a count beyond its size', (bytes) => void bytes.writeInt32BE(9, 36)],
    ['a negative count', (bytes) => void bytes.writeInt32BE(-1, 36)],
    ['more slots in use than entries', (bytes) => void bytes.writeInt32BE(8, 32)],
    ['an end before its beginning', (bytes) => void bytes.writeBigInt64BE(1n << 40n, 16)],
    ['an impossible time', (bytes) => void bytes.writeBigInt64BE(-1n, 0)],
    ['garbage for a header', (bytes) => void bytes.fill(0xa5, 0, 40)],
    ['too many bytes', (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])],
  ])('is set aside and made again: %s', async (_what, damage) => {
    const indexed = await IndexedStore.open();
    await indexed.send(12);
    await indexed.store.close();
    const whole = indexFiles(indexed.files);
    const names = indexed.names();
    indexed.overwrite(names[1]!, damage);
    await indexed.reopen();
    expect(indexed.said('an IndexFile is damaged')).toBe(1);
    expect(indexed.files.list(QUARANTINE)).toEqual([`index-${names[1]}`]);
    await indexed.expectAll();
    await indexed.store.close();
    expect(indexFiles(indexed.files).map((bytes) => bytes.toString('hex'))).toEqual(
      whole.map((bytes) => bytes.toString('hex')),
    );
  });

  it('is found by a query that meets an entry that cannot be right', async () => {
    const indexed = await IndexedStore.open();
    await indexed.send(12);
    await indexed.store.close();
    const whole = indexFiles(indexed.files);
    // The entries of the second file begin behind 40 bytes of header and three slots; the previous of the last is forged.
    indexed.overwrite(
      indexed.names()[1]!,
      (bytes) => void bytes.writeInt32BE(7, 40 + 12 + 7 * 20 + 16),
    );
    await indexed.reopen();
    const first = await find(indexed.store, 'k', { maxCount: 1000 });
    await indexed.settle();
    for (let number = 0; number < 12; number++) await find(indexed.store, `n${number}`);
    await indexed.settle();
    expect(first.length).toBeLessThanOrEqual(12);
    expect(indexed.said('an IndexFile is damaged')).toBe(1);
    await indexed.expectAll();
    await indexed.store.close();
    expect(indexFiles(indexed.files).map((bytes) => bytes.toString('hex'))).toEqual(
      whole.map((bytes) => bytes.toString('hex')),
    );
  });

  it('is set aside when the disk cannot read its slots any more', async () => {
    const indexed = await IndexedStore.open();
    await indexed.send(2);
    await indexed.store.close();
    const [name] = indexed.names();
    await indexed.reopen();
    indexed.files.failNext('read', { path: 'index', code: 'EIO' });
    await indexed.send(3);
    await indexed.settle();
    await indexed.settle();
    expect(indexed.files.list(QUARANTINE)).toEqual([`index-${name}`]);
    await indexed.expectAll();
    await indexed.store.close();
  });

  it('is set aside when a query cannot read it, and the query finds what the others have', async () => {
    const indexed = await IndexedStore.open();
    await indexed.send(12);
    await indexed.store.close();
    await indexed.reopen();
    const [first] = indexed.names();
    indexed.files.failNext('read', { path: first!, code: 'EIO' });
    const found = await find(indexed.store, 'k', { maxCount: 1000 });
    expect(found.length).toBeGreaterThan(0);
    expect(found.at(-1)).toBe('m11');
    await indexed.settle();
    expect(indexed.files.list(QUARANTINE)).toEqual([`index-${first}`]);
    await indexed.expectAll();
    await indexed.store.close();
  });

  it('is checked by the run after the next one, when that is closed before it has', async () => {
    const indexed = await IndexedStore.open({ maxIndexNum: 100 });
    await indexed.send(12);
    await indexed.settle();
    await indexed.kill();
    const [name] = indexed.names();
    // Torn by a power cut, say.
    indexed.overwrite(name!, (bytes) => void bytes.fill(0, 40 + 12 + 5 * 20, 40 + 12 + 9 * 20));
    const hasty = await openStore(indexed.files.process(), {
      clock: indexed.stamps.clock,
      ...sizes,
      maxIndexNum: 100,
    });
    await hasty.close();
    await indexed.reopen({ maxIndexNum: 100 });
    expect(indexed.said('cut an IndexFile')).toBe(1);
    await indexed.expectAll();
    await indexed.store.close();
  });

  it('is made again with the sizes that are set now', async () => {
    const indexed = await IndexedStore.open();
    await indexed.send(12);
    await indexed.store.close();
    await indexed.reopen({ maxHashSlotNum: 2, maxIndexNum: 5 });
    await indexed.expectAll();
    await indexed.store.close();
    for (const bytes of indexFiles(indexed.files)) expect(bytes).toHaveLength(40 + 2 * 4 + 5 * 20);
  });
});

describe('an index that does not agree with the log', () => {
  it('loses what points behind the end of a log that was cut', async () => {
    const indexed = await IndexedStore.open();
    await indexed.send(12);
    await indexed.store.close();
    // The last three messages are gone, as after a power cut that the index survived.
    const log = indexed.files.bytes(commitLogFile());
    const { commitLogOffset } = await cutPoint(indexed, 9);
    log.fill(0, commitLogOffset);
    indexed.files.put(commitLogFile(), log);
    indexed.files.put(path.join(ROOT, 'abort'), Buffer.alloc(0));
    indexed.count = 9;
    await indexed.reopen();
    await indexed.expectAll();
    await indexed.send(5);
    await indexed.expectAll();
    await indexed.store.close();
    const recovered = indexFiles(indexed.files);
    for (const name of indexed.names()) indexed.files.remove(indexFile(name));
    await indexed.reopen();
    await indexed.expectAll();
    await indexed.store.close();
    expect(recovered.map((bytes) => bytes.toString('hex'))).toEqual(
      indexFiles(indexed.files).map((bytes) => bytes.toString('hex')),
    );
  });

  it('is made again when it is another log’s', async () => {
    const other = await IndexedStore.open();
    other.stamps.nowMs += 1_000_000;
    await other.send(1);
    await other.store.append(message('x'.repeat(77), { properties: { KEYS: 'foreign' } }));
    await other.send(14);
    await other.store.close();
    const indexed = await IndexedStore.open();
    await indexed.send(20);
    await indexed.store.close();
    for (const name of indexed.names()) indexed.files.remove(indexFile(name));
    for (const name of other.names()) {
      indexed.files.put(indexFile(name), other.files.bytes(indexFile(name)));
    }
    await indexed.reopen();
    expect(indexed.said('removed an IndexFile and those behind it')).toBeGreaterThan(0);
    await indexed.expectAll();
    expect(await find(indexed.store, 'foreign')).toEqual([]);
    await indexed.store.close();
  });

  it('is made from a log that never had one', async () => {
    const indexed = await IndexedStore.open({ messageIndexEnable: false });
    await indexed.send(12);
    expect(await find(indexed.store, 'k')).toEqual([]);
    await indexed.store.close();
    expect(indexed.names()).toEqual([]);
    await indexed.reopen();
    await indexed.expectAll();
    await indexed.store.close();
  });

  it('loses the files whose messages are gone when the store is opened, but never the last one', async () => {
    const indexed = await IndexedStore.open({ commitLogSegmentBytes: 1000 });
    await indexed.send(30);
    await indexed.store.close();
    const before = indexed.names().length;
    for (const base of [0, 1000, 2000]) indexed.files.remove(commitLogFile(base));
    await indexed.reopen({ commitLogSegmentBytes: 1000 });
    expect(indexed.store.minCommitLogOffset).toBe(3000);
    expect(indexed.said('removed an IndexFile of messages that are gone')).toBeGreaterThan(1);
    expect(indexed.names().length).toBeLessThan(before);
    const kept = await find(indexed.store, 'k', { maxCount: 1000 });
    expect(kept.at(-1)).toBe('m29');
    expect(kept.length).toBeLessThan(30);
    await indexed.store.close();
  });

  it('does not take a file that has lost what it had for one whose messages are gone', async () => {
    const open = async (): Promise<IndexedStore> => {
      const indexed = await IndexedStore.open({ commitLogSegmentBytes: 1000 });
      await indexed.send(30);
      await indexed.store.close();
      for (const base of [0, 1000, 2000]) indexed.files.remove(commitLogFile(base));
      return indexed;
    };
    const whole = await open();
    await whole.reopen({ commitLogSegmentBytes: 1000 });
    const goneCount = whole.said('removed an IndexFile of messages that are gone');
    const kept = await find(whole.store, 'k', { maxCount: 1000 });
    await whole.store.close();

    const indexed = await open();
    const lost = indexed.names()[goneCount]!;
    indexed.overwrite(lost, (bytes) => void bytes.fill(0));
    indexed.files.put(path.join(ROOT, 'abort'), Buffer.alloc(0));
    indexed.files.remove(path.join(ROOT, 'checkpoint'));
    await indexed.reopen({ commitLogSegmentBytes: 1000 });
    expect(await find(indexed.store, 'k', { maxCount: 1000 })).toEqual(kept);
    await indexed.store.close();
  });

  it('does not take a file that has lost its end for one whose messages are gone', async () => {
    const indexed = await IndexedStore.open({ commitLogSegmentBytes: 1000 });
    await indexed.send(30);
    await indexed.store.close();
    const isAcross = (name: string): boolean => {
      const header = indexed.files.bytes(indexFile(name));
      return header.readBigInt64BE(16) < 1000n && header.readBigInt64BE(24) >= 1000n;
    };
    const across = indexed.names().find(isAcross)!;
    indexed.files.remove(commitLogFile());
    // Its header as its first entry left it.
    indexed.overwrite(across, (bytes) => {
      bytes.copy(bytes, 24, 16, 24);
      bytes.writeInt32BE(1, 32);
      bytes.writeInt32BE(2, 36);
    });
    indexed.files.put(path.join(ROOT, 'abort'), Buffer.alloc(0));
    indexed.files.remove(path.join(ROOT, 'checkpoint'));
    await indexed.reopen({ commitLogSegmentBytes: 1000 });
    const there = await bodies(indexed.store);
    expect(there.length).toBeGreaterThan(10);
    expect(await find(indexed.store, 'k', { maxCount: 1000 })).toEqual(there);
    await indexed.store.close();
  });

  it('leads to nothing behind damage, also when the start that set that aside was killed', async () => {
    // All of it in one file.
    const room = { maxHashSlotNum: 30, maxIndexNum: 100 };
    const indexed = await IndexedStore.open(room);
    await indexed.send(12);
    await indexed.settle();
    const damagedAt = Number(indexed.store.entries('TopicA', 0, 5, 1).readBigInt64BE(0));
    await indexed.kill();
    const log = indexed.files.bytes(commitLogFile());
    log[damagedAt]! ^= 1;
    indexed.files.put(commitLogFile(), log);
    // It dies before its index has looked at anything: its clock stands still.
    await openStore(indexed.files.process(), { logger: indexed.logger, ...room });
    indexed.files.killProcess();
    expect(indexed.said('the log goes on behind it')).toBe(1);
    await indexed.reopen(room);
    const before = ['m0', 'm1', 'm2', 'm3', 'm4'];
    expect(await bodies(indexed.store)).toEqual(before);
    expect(await find(indexed.store, 'k', { maxCount: 1000 })).toEqual(before);
    for (const gone of [5, 6, 11]) expect(await find(indexed.store, `n${gone}`)).toEqual([]);
    await indexed.send(3);
    const all = [...before, 'm12', 'm13', 'm14'];
    expect(await find(indexed.store, 'k', { maxCount: 1000 })).toEqual(all);
    await indexed.store.close();
  });

  it('passes over a damaged message, says so, and goes on where messages are known to begin', async () => {
    const indexed = await IndexedStore.open({ commitLogSegmentBytes: 1000 });
    await indexed.send(30);
    await indexed.store.close();
    for (const name of indexed.names()) indexed.files.remove(indexFile(name));
    const log = indexed.files.bytes(commitLogFile(1000));
    log.fill(0xff, 300, 310);
    indexed.files.put(commitLogFile(1000), log);
    await indexed.reopen({ commitLogSegmentBytes: 1000 });
    expect(indexed.said('the CommitLog is damaged')).toBe(1);
    const found = await find(indexed.store, 'k', { maxCount: 1000 });
    expect(found.at(0)).toBe('m0');
    expect(found.at(-1)).toBe('m29');
    expect(found.length).toBeGreaterThan(20);
    expect(found.length).toBeLessThan(30);
    await indexed.store.close();
  });
});

async function cutPoint(
  indexed: IndexedStore,
  queueOffset: number,
): Promise<{ commitLogOffset: number }> {
  await indexed.reopen();
  const entry = indexed.store.entries('TopicA', 0, queueOffset, 1);
  const commitLogOffset = Number(entry.readBigInt64BE(0));
  await indexed.store.close();
  return { commitLogOffset };
}
