import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import type { IndexSizes } from '../../../mq/store/index-layout.ts';
import type { MessageStore } from '../../../mq/store/message-store.ts';
import { readCheckpoint } from '../../../mq/store/store-checkpoint.ts';
import { DyingFiles, type Death } from '../../support/dying-files.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import {
  find,
  INDEX_DIRECTORY,
  indexFile,
  indexFiles,
  keysOf,
  StampClock,
} from './index-under-test.ts';
import { message, openStore, readAll, ROOT } from './store-under-test.ts';

/** Files that fill up after a few messages, and one whose entries lie across the sectors of a disk. */
const small = { maxHashSlotNum: 7, maxIndexNum: 12 };
const large = { maxHashSlotNum: 300, maxIndexNum: 400 };
const MESSAGES = 16;

function properties(number: number): Record<string, string> {
  const keys = Array.from({ length: number % 4 }, (_, index) => `k${(number * 3 + index) % 11}`);
  return { UNIQ_KEY: `id-${number}`, ...(keys.length > 0 && { KEYS: keys.join(' ') }) };
}

async function live(store: MessageStore, stamps: StampClock, count = MESSAGES): Promise<void> {
  for (let number = 0; number < count; number++) {
    stamps.nowMs += 700;
    await store.append(message(`m${number}`, { properties: properties(number) }));
    if (number % 3 === 0) await stamps.fake.advanceAndSettle(2000);
  }
  await stamps.fake.advanceAndSettle(6000);
  await store.close();
}

/** Every message that is there is found by each of its keys, and the files are those of an index made anew. */
async function expectWhole(files: FaultyFiles, sizes: IndexSizes): Promise<number> {
  const clock = new FakeClock(1_900_000_000_000);
  const store = await openStore(files.process(), { clock, checkpointBytes: 900, ...sizes });
  await clock.advanceAndSettle(5000);
  await settle(50);
  const messages = await readAll(store);
  const byKey = new Map<string, string[]>();
  for (const { body, properties: all } of messages) {
    for (const key of new Set(keysOf(Array.from(all, ([k, v]) => `${k}\x01${v}`).join('\x02')))) {
      byKey.set(key, [...(byKey.get(key) ?? []), body.toString()]);
    }
  }
  for (const [key, bodies] of byKey) expect([key, await find(store, key)]).toEqual([key, bodies]);
  await store.close();
  const recovered = indexFiles(files);
  for (const name of files.list(INDEX_DIRECTORY)) files.remove(path.join(INDEX_DIRECTORY, name));
  const again = await openStore(files.process(), { clock, checkpointBytes: 900, ...sizes });
  await clock.advanceAndSettle(5000);
  await again.close();
  expect(recovered.map(hex)).toEqual(indexFiles(files).map(hex));
  return messages.length;
}

function hex(bytes: Buffer): string {
  return bytes.toString('hex');
}

describe('an index whose process dies', () => {
  it.each<[Death, IndexSizes]>([
    ['kill', small],
    ['kill', large],
    ['power', small],
    ['power', large],
  ])(
    'is whole after the next start, wherever it dies (%s, %j)',
    async (death, sizes) => {
      let kept = 0;
      for (let at = 1; ; at++) {
        const disk = new FaultyFiles(at);
        const random = new SeededRandom(at);
        const tear = (bytes: Uint8Array): number => random.below(bytes.length + 1);
        const dying = new DyingFiles(disk, { at, death, tear });
        const stamps = new StampClock();
        let store: MessageStore | undefined;
        try {
          store = await openStore(dying.process(), {
            clock: stamps.clock,
            checkpointBytes: 900,
            ...sizes,
          });
          await live(store, stamps);
        } catch (cause) {
          if (!dying.isDead) throw cause;
        }
        if (!dying.isDead) break;
        await Promise.allSettled([store?.close()]);
        kept += await expectWhole(disk, sizes);
      }
      expect(kept).toBeGreaterThan(300);
    },
    120_000,
  );

  it('has no gap when the power fails while a damaged file is set aside, with those behind it', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const disk = new FaultyFiles(seed);
      const stamps = new StampClock();
      const options = { clock: stamps.clock, checkpointBytes: 900, ...small };
      await live(await openStore(disk.process(), options), stamps);
      const [first] = disk.list(INDEX_DIRECTORY);
      disk.failNext('read', { path: first!, code: 'EIO' });
      await openStore(disk.process(), options);
      disk.cutPower();
      expect(await expectWhole(disk, small)).toBe(MESSAGES);
    }
  });

  it('does not take a file that was made again for the one that was vouched for', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const disk = new FaultyFiles(seed);
      const stamps = new StampClock();
      const options = { clock: stamps.clock, checkpointBytes: 1 << 20, ...small };
      await live(await openStore(disk.process(), options), stamps);
      const [first] = disk.list(INDEX_DIRECTORY);
      disk.failNext('read', { path: first!, code: 'EIO' });
      await openStore(disk.process(), options);
      await stamps.fake.advanceAndSettle(10_000);
      disk.killProcess();
      const store = await openStore(disk.process(), options);
      await stamps.fake.advanceAndSettle(10_000);
      await store.close();
      disk.cutPower();
      expect(await expectWhole(disk, small)).toBe(MESSAGES);
    }
  });

  it('is vouched for no farther than the log is flushed', async () => {
    const disk = new FaultyFiles();
    const stamps = new StampClock();
    const store = await openStore(disk.process(), {
      clock: stamps.clock,
      flushDiskType: 'ASYNC_FLUSH',
      ...small,
    });
    await store.append(message('m0', { properties: properties(0) }));
    const release = disk.holdSyncs();
    const deleted = store.deleteTopic('Other');
    await settle();
    // The save's flush of the log is under way without these; the index has them before it is flushed itself.
    for (let number = 1; number < MESSAGES; number++) {
      await store.append(message(`m${number}`, { properties: properties(number) }));
    }
    await stamps.fake.advanceAndSettle(60);
    release();
    await deleted;
    const { index } = readCheckpoint(disk, ROOT)!;
    expect(index.lastFullFile).toBeDefined();
    expect(index.indexedTo).toBeGreaterThan(0);
    expect(index.indexedTo).toBeLessThanOrEqual(store.flushedOffset);
    await store.close();
  });

  it('has the last keys of a message whose entries went on in a file that is gone', async () => {
    for (let count = 1; count <= MESSAGES; count++) {
      const disk = new FaultyFiles();
      const stamps = new StampClock();
      await live(await openStore(disk.process(), { clock: stamps.clock, ...small }), stamps, count);
      disk.remove(indexFile(disk.list(INDEX_DIRECTORY).at(-1)!));
      disk.put(path.join(ROOT, 'abort'), Buffer.alloc(0));
      expect(await expectWhole(disk, small)).toBe(count);
    }
  });
});
