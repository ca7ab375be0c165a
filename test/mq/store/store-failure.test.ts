import path from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { MqError } from '../../../mq/errors.ts';
import { AbortFile } from '../../../mq/store/abort-file.ts';
import type { AppendMessage, MessageStore } from '../../../mq/store/message-store.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { bodies, commitLogFile, message, openStore, readAll, ROOT } from './store-under-test.ts';

const PAGE = 4096;

let files: FaultyFiles;
let clock: FakeClock;
let store: MessageStore;

beforeEach(async () => {
  files = new FaultyFiles();
  clock = new FakeClock();
  store = await openStore(files, { clock });
  await store.append(message('before'));
});

function refusal(text: string | AppendMessage): Promise<MqError> {
  return failure(store.append(typeof text === 'string' ? message(text) : text));
}

async function reopenAfterKill(): Promise<MessageStore> {
  files.killProcess();
  return openStore(files, { clock });
}

describe('a failed fsync', () => {
  it('acknowledges nothing, shows nothing, and stops the store until it is reopened', async () => {
    files.failNext('datasync', { path: 'commitlog', code: 'EIO' });
    const errors = await Promise.all([refusal('one'), refusal('two')]);
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'SERVICE_NOT_AVAILABLE', retriable: true });
      expect(error.message).toMatch(/until it is reopened, because fsync failed: EIO/);
    }
    expect(store.maxOffset('TopicA', 0)).toBe(1);
    expect(await bodies(store)).toEqual(['before']);
    expect(await refusal('later')).toMatchObject({ code: 'SERVICE_NOT_AVAILABLE' });
    await store.close();
    // Not closed cleanly: only recovery can tell what the disk holds.
    expect(new AbortFile(files, ROOT).read()).toMatchObject({ rebuildQueues: false });
    const reopened = await openStore(files, { clock });
    expect(reopened.stats.wasAborted).toBe(true);
    const kept = await bodies(reopened);
    expect(kept.slice(0, 1)).toEqual(['before']);
    expect((await reopened.append(message('after'))).queueOffset).toBe(kept.length);
    await reopened.close();
  });

  it('cannot lose later messages: what it left in the page cache is written again', async () => {
    files.failNext('datasync', { path: 'commitlog', code: 'EIO' });
    await refusal('dropped by the disk, kept by the page cache');
    const reopened = await reopenAfterKill();
    await reopened.append(message('acknowledged'));
    files.cutPower();
    const again = await openStore(files, { clock });
    expect(await bodies(again)).toContain('acknowledged');
    await again.close();
  });

  it('cannot lose later messages on a full disk either', async () => {
    await store.close();
    store = await openStore(files, { clock, diskMaxUsedPercent: 100 });
    files.limitFreeSpace(PAGE);
    files.failNext('datasync', { path: 'commitlog', code: 'EIO' });
    // Across the border of a page, so that no later message has the first one flushed with it.
    const dropped = 'dropped by the disk'.padEnd(PAGE, '.');
    await refusal(dropped);
    files.capacityBytes = Number.POSITIVE_INFINITY;
    await (await reopenAfterKill()).append(message('acknowledged'));
    files.cutPower();
    const again = await openStore(files, { clock });
    expect(await bodies(again)).toEqual(['before', dropped, 'acknowledged']);
    await again.close();
  });

  it('or none, and a kill: a full disk is no reason not to open, though a segment ends in a hole', async () => {
    await store.close();
    const options = { clock, commitLogSegmentBytes: 16 * PAGE, diskMaxUsedPercent: 100 };
    files = new FaultyFiles();
    store = await openStore(files, options);
    for (let count = 0; count < 4; count++) await store.append(message('x'.repeat(18_000)));
    await clock.advanceAndSettle(5_000);
    files.killProcess();
    files.limitFreeSpace(0);
    const reopened = await openStore(files, options);
    expect(await bodies(reopened)).toHaveLength(4);
    await reopened.close().catch(() => undefined);
  });

  it('of recovery makes the next start write again what it was to flush', async () => {
    await store.close();
    store = await openStore(files, { clock, flushDiskType: 'ASYNC_FLUSH' });
    const written = 'written, not flushed'.padEnd(PAGE, '.');
    await store.append(message(written));
    files.killProcess();
    files.failNext('datasync', { path: 'commitlog', code: 'EIO' });
    await expect(openStore(files, { clock })).rejects.toThrow('EIO');
    const served = await bodies(await reopenAfterKill());
    expect(served).toEqual(['before', written]);
    files.cutPower();
    const again = await openStore(files, { clock });
    expect(await bodies(again)).toEqual(served);
    await again.close();
  });

  it.each([
    ['succeeds', undefined],
    ['fails', 'EIO'],
  ])(
    'promised with FLUSH_DISK_TIMEOUT, a batch becomes visible as a whole when its fsync %s late, or not at all',
    async (_outcome, code) => {
      const release = files.holdSyncs();
      const first = store.append(message('first'));
      await settle();
      const batch = store.appendBatch(['a', 'b', 'c'].map((body) => message(body)));
      await clock.advanceAndSettle(5000);
      const promised = (await batch).map(({ status, queueOffset }) => [status, queueOffset]);
      expect(promised).toEqual([2, 3, 4].map((offset) => ['FLUSH_DISK_TIMEOUT', offset]));
      expect(await bodies(store)).toEqual(['before']);
      // The fsync under way began before the batch was written; the next one is the batch's.
      if (code !== undefined) files.failNext('datasync', { path: 'commitlog', code });
      release();
      await first;
      await settle(20);
      const all = ['before', 'first', 'a', 'b', 'c'];
      expect(await bodies(store)).toEqual(code === undefined ? all : all.slice(0, 2));
      const reopened = await reopenAfterKill();
      expect(await bodies(reopened)).toEqual(all);
      await reopened.close();
    },
  );

  it('hides a message that was not to wait for it, although that was answered', async () => {
    const release = files.holdSyncs();
    const first = store.append(message('first'));
    await settle();
    files.failNext('datasync', { path: 'commitlog', code: 'EIO' });
    const hasty = await store.append(message('hasty', { waitStoreOk: false }));
    expect(hasty.status).toBe('PUT_OK');
    // The first fsync is under way and will succeed; the next one fails.
    release();
    expect(await first).toMatchObject({ status: 'PUT_OK' });
    await settle();
    expect(await bodies(store)).toEqual(['before', 'first']);
    expect(await refusal('later')).toMatchObject({ code: 'SERVICE_NOT_AVAILABLE' });
    await store.close();
  });

  it('of a ConsumeQueue makes all of them be rebuilt', async () => {
    files.failNext('datasync', { path: 'consumequeue', code: 'EIO' });
    await expect(store.close()).rejects.toThrow('EIO');
    expect(files.bytes(path.join(ROOT, 'abort')).toString()).toMatch(/^rebuildQueues\n/);
    const reopened = await reopenAfterKill();
    expect(await bodies(reopened)).toEqual(['before']);
    await reopened.close();
  });

  it('of a ConsumeQueue costs nothing when the process is killed before it can note that', async () => {
    files.failNext('datasync', { path: 'consumequeue', code: 'EIO' });
    files.failNext('write', { path: 'abort', code: 'EIO' });
    await expect(store.close()).rejects.toThrow('EIO');
    const reopened = await reopenAfterKill();
    await reopened.append(message('elsewhere', { topic: 'TopicB' }));
    // Its checkpoint vouches for all that was found.
    await reopened.close();
    files.cutPower();
    const again = await openStore(files, { clock });
    expect(await bodies(again)).toEqual(['before']);
    expect(again.maxOffset('TopicB', 0)).toBe(1);
    await again.close();
  });

  it('is said in the log once, with its cause', async () => {
    await store.close();
    const logger = new RecordingLogger();
    store = await openStore(files, { clock, logger });
    files.failNext('datasync', { path: 'commitlog', code: 'EIO' });
    await refusal('one');
    await refusal('two');
    expect(logger.messages('error')).toEqual(['the store takes no more messages']);
    await store.close();
  });
});

describe('a failed write', () => {
  it.each([0, 1, 50, 200])(
    'after %d bytes acknowledges nothing and leaves nothing',
    async (afterBytes) => {
      files.failNext('write', { path: 'commitlog', code: 'EIO', afterBytes });
      expect(await refusal('torn'.padEnd(400))).toMatchObject({ code: 'SERVICE_NOT_AVAILABLE' });
      expect(await refusal('later')).toMatchObject({ code: 'SERVICE_NOT_AVAILABLE' });
      expect(await bodies(store)).toEqual(['before']);
      const reopened = await reopenAfterKill();
      expect(await bodies(reopened)).toEqual(['before']);
      expect((await reopened.append(message('after'))).queueOffset).toBe(1);
      await reopened.close();
    },
  );

  it('that falls short without an error is completed', async () => {
    const { commitLogOffset, sizeBytes } = await store.append(message(Buffer.alloc(3 * PAGE, 7)));
    const stored = files
      .bytes(commitLogFile())
      .subarray(commitLogOffset, commitLogOffset + sizeBytes);
    expect(stored.equals((await store.readRecord(commitLogOffset))!)).toBe(true);
    await store.close();
  });

  it('of ConsumeQueues refuses appends until one succeeds, and loses no entry', async () => {
    files.failNext('write', { path: 'consumequeue', code: 'EIO', afterBytes: 7 });
    await clock.advanceAndSettle(1000);
    const error = await refusal('refused');
    expect(error).toMatchObject({ code: 'SERVICE_NOT_AVAILABLE', retriable: true });
    expect(error.message).toContain(path.join(ROOT, 'consumequeue'));
    expect(await bodies(store)).toEqual(['before']);
    await clock.advanceAndSettle(1000);
    await store.append(message('after'));
    await store.close();
    store = await openStore(files, { clock });
    expect(await bodies(store)).toEqual(['before', 'after']);
    await store.close();
  });
});

describe('a full disk', () => {
  it('refuses appends naming path and percentage, serves reads, and recovers by itself', async () => {
    files.capacityBytes = 4 * PAGE;
    let stored = 1;
    const errors: MqError[] = [];
    while (errors.length === 0) {
      await store.append(message(Buffer.alloc(1000))).then(
        () => stored++,
        (reason: MqError) => errors.push(reason),
      );
    }
    const error = errors[0]!;
    expect(error).toMatchObject({ code: 'SERVICE_NOT_AVAILABLE', retriable: true });
    expect(error.message).toContain(path.join(ROOT, 'commitlog'));
    expect(error.message).toMatch(/is 100 % full: a write failed with ENOSPC/);
    expect(await readAll(store)).toHaveLength(stored);
    files.capacityBytes = Number.POSITIVE_INFINITY;
    clock.advance(1000);
    const before = store.maxOffset('TopicA', 0);
    expect((await store.append(message('after'))).queueOffset).toBe(before);
    await store.close();
    store = await openStore(files, { clock });
    expect((await bodies(store)).at(-1)).toBe('after');
    await store.close();
  });

  it('leaves no half-written record and gives its queueOffsets to the next messages', async () => {
    files.failNext('write', { path: 'commitlog', code: 'ENOSPC', afterBytes: 150 });
    const refusals = await Promise.all([
      refusal('a'),
      refusal(message('b', { queueId: 1 })),
      refusal('c'),
    ]);
    expect(refusals.map(({ code }) => code)).toEqual(Array(3).fill('SERVICE_NOT_AVAILABLE'));
    clock.advance(1000);
    expect(await store.append(message('next'))).toMatchObject({ queueOffset: 1 });
    expect(await store.append(message('other', { queueId: 1 }))).toMatchObject({ queueOffset: 0 });
    const reopened = await reopenAfterKill();
    expect(await bodies(reopened)).toEqual(['before', 'next']);
    expect(await bodies(reopened, 'TopicA', 1)).toEqual(['other']);
    await reopened.close();
  });

  it('while an fsync is under way loses nothing that was written before', async () => {
    const release = files.holdSyncs();
    const first = store.append(message('first'));
    await settle();
    files.failNext('write', { path: 'commitlog', code: 'ENOSPC', afterBytes: 20 });
    await refusal('second');
    release();
    expect(await first).toMatchObject({ queueOffset: 1 });
    clock.advance(1000);
    expect(await store.append(message('third'))).toMatchObject({ queueOffset: 2 });
    const reopened = await reopenAfterKill();
    expect(await bodies(reopened)).toEqual(['before', 'first', 'third']);
    await reopened.close();
  });

  it('at the first write of a new segment leaves the log where it was', async () => {
    await store.append(message(Buffer.alloc(15_000)));
    files.failNext('write', { path: '16384', code: 'ENOSPC', afterBytes: 100 });
    await refusal(message(Buffer.alloc(2000)));
    clock.advance(1000);
    const { commitLogOffset } = await store.append(message('fits the old segment'));
    expect(commitLogOffset).toBeLessThan(16_384);
    await store.append(message(Buffer.alloc(2000)));
    const reopened = await reopenAfterKill();
    expect(await readAll(reopened)).toHaveLength(4);
    await reopened.close();
  });

  it('is foreseen: appends are refused above the limit while little is free', async () => {
    await store.close();
    files.capacityBytes = 100 * PAGE;
    store = await openStore(files, { clock, diskMaxUsedPercent: 5, diskMinFreeBytes: 99 * PAGE });
    for (let index = 0; index < 3; index++) await store.append(message(Buffer.alloc(PAGE)));
    clock.advance(10_000);
    expect((await refusal('x')).message).toContain('above the limit of 5 %');
    files.capacityBytes = 1000 * PAGE;
    clock.advance(1000);
    await store.append(message('x'));
    await store.close();
  });
});
