import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { MessageSysFlag } from '../../../mq/protocol/sys-flag.ts';
import { nodeFiles, type Files } from '../../../mq/store/files.ts';
import type { Arrival, GetResult } from '../../../mq/store/message-store.ts';
import { until } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import {
  bodies,
  commitLogFile,
  consumeQueueFile,
  ENTRIES_PER_FILE,
  message,
  openStore,
  readAll,
  ROOT,
  SEGMENT_BYTES,
} from './store-under-test.ts';

/** Stored by Apache RocketMQ 4.9.8 and pulled from it: test/interop/captures/java-4.9.8-clients.hex. */
const GOLDEN =
  '000000d1daa320a71e3888be0000000300000000000000000000000000000000000001a200000000000001a1f88a' +
  '6ba57f0000010000898e000001a1f88a6ba77f000001000051af0000000000000000000000000000000668656c6c' +
  '6f3206546f70696341006a4b455953016b3202554e49515f4b455901464430303030303030303030303030303030' +
  '303030303030303030303030303230394245354646443242323736343232383341353030303202434c5553544552' +
  '0144656661756c74436c757374657202544147530154616741';

async function inTempDirectory(run: (rootDir: string) => Promise<void>): Promise<void> {
  const rootDir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-store-'));
  try {
    await run(rootDir);
  } finally {
    fs.rmSync(rootDir, { recursive: true });
  }
}

function asSync(result: GetResult | Promise<GetResult>): GetResult {
  if (result instanceof Promise) throw new Error('read from disk');
  return result;
}

const everything = { topic: 'TopicA', queueId: 0, queueOffset: 0, maxCount: 32, maxBytes: 1 << 20 };

describe('a stored message', () => {
  it('is byte for byte what the original broker stores', async () => {
    const golden = Buffer.from(GOLDEN, 'hex');
    const files = new FaultyFiles();
    const clock = new FakeClock(0x1a1f88a6ba7);
    const store = await openStore(files, {
      clock,
      storeHost: { address: '127.0.0.1', port: 20911 },
    });
    const properties = golden.subarray(golden.length - 0x6a).toString('utf8');
    const first = { ...message('hello0', { queueId: 1 }), propertiesString: properties };
    await store.append(first);
    await store.append({ ...first, queueId: 2 });
    const result = await store.append({
      ...first,
      queueId: 3,
      body: Buffer.from('hello2'),
      bornTimestamp: 0x1a1f88a6ba5,
      bornHost: { address: '127.0.0.1', port: 0x898e },
    });
    expect(result.commitLogOffset).toBe(0x1a2);
    expect(
      files
        .bytes(commitLogFile())
        .subarray(0x1a2, 0x1a2 + golden.length)
        .toString('hex'),
    ).toBe(GOLDEN);
    expect(result.offsetMsgId).toBe('7F000001000051AF00000000000001A2');
    await store.close();
  });

  it('has a 20-byte ConsumeQueue entry: offset, size and the tag as Java hashes it', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files);
    await store.append(message('one', { queueId: 1 }));
    const second = await store.append(message('two', { tag: 'TagA' }));
    await store.close();
    const entry = files.bytes(consumeQueueFile()).subarray(0, 40);
    expect(entry.readBigInt64BE(0)).toBe(BigInt(second.commitLogOffset));
    expect(entry.readInt32BE(8)).toBe(second.sizeBytes);
    // "TagA".hashCode() in Java.
    expect(entry.readBigInt64BE(12)).toBe(2_598_919n);
    expect(entry.subarray(20).every((byte) => byte === 0)).toBe(true);
  });

  it('is in files of the original size, named by the offset of their first byte', async () => {
    await inTempDirectory(async (rootDir) => {
      const store = await openStore(nodeFiles, {
        rootDir,
        commitLogSegmentBytes: 1024 ** 3,
        consumeQueueEntriesPerFile: 300_000,
      });
      await store.append(message('one', { topic: '%RETRY%group' }));
      expect(fs.readdirSync(rootDir).toSorted()).toEqual([
        'abort',
        'commitlog',
        'consumequeue',
        'lock',
        'quarantine',
      ]);
      await store.close();
      expect(fs.readdirSync(rootDir).toSorted()).toEqual([
        'checkpoint',
        'commitlog',
        'consumequeue',
        'quarantine',
      ]);
      const segment = path.join(rootDir, 'commitlog', '00000000000000000000');
      const queue = path.join(rootDir, 'consumequeue', '%RETRY%group', '0', '00000000000000000000');
      expect(fs.statSync(segment).size).toBe(1024 ** 3);
      expect(fs.statSync(queue).size).toBe(6_000_000);
      expect(fs.statSync(path.join(rootDir, 'checkpoint')).size).toBe(4096);
      // Sparse: the sizes above are not taken from the disk.
      expect(fs.statSync(segment).blocks * 512).toBeLessThan(1024 ** 2);
    });
  });

  it('survives closing and opening on a real disk', async () => {
    await inTempDirectory(async (rootDir) => {
      let store = await openStore(nodeFiles, { rootDir });
      const sent = Array.from({ length: 300 }, (_, index) => `message ${index}`);
      await Promise.all(sent.map((body) => store.append(message(body))));
      await store.close();
      store = await openStore(nodeFiles, { rootDir });
      expect(await bodies(store)).toEqual(sent);
      expect(store.stats).toMatchObject({ wasAborted: false, recoveredRecords: 1 });
      const next = await store.append(message('one more'));
      expect(next.queueOffset).toBe(300);
      await store.close();
    });
  });
});

describe('appending', () => {
  it('numbers the messages of each queue from 0, in the order of the calls', async () => {
    const store = await openStore(new FaultyFiles());
    const results = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        store.append(message(`${index}`, { queueId: index % 3 })),
      ),
    );
    expect(results.map(({ queueOffset }) => queueOffset)).toEqual(
      Array.from({ length: 60 }, (_, index) => Math.floor(index / 3)),
    );
    expect(await bodies(store, 'TopicA', 1)).toEqual(
      Array.from({ length: 20 }, (_, index) => `${index * 3 + 1}`),
    );
    await store.close();
  });

  it('makes the appends of one turn one write and one fsync', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files);
    await store.append(message('creates the files'));
    const before = { writes: files.count('write'), syncs: store.stats.fsyncCount };
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.append(message(`${index}`))));
    expect(files.count('write') - before.writes).toBe(1);
    expect(store.stats.fsyncCount - before.syncs).toBe(1);
    await store.close();
  });

  it('goes on in the next segment behind a blank record, and never splits a record', async () => {
    const files = new FaultyFiles();
    let store = await openStore(files);
    const sent = Array.from({ length: 40 }, (_, index) => String(index).padEnd(1000, '.'));
    for (const body of sent) await store.append(message(body));
    expect(await bodies(store)).toEqual(sent);
    await store.close();
    const { sizeBytes } = await openAndMeasure(files);
    const perSegment = Math.floor((SEGMENT_BYTES - 8) / sizeBytes);
    const first = files.bytes(commitLogFile());
    const blankAt = perSegment * sizeBytes;
    expect(first).toHaveLength(SEGMENT_BYTES);
    expect(first.readInt32BE(blankAt)).toBe(SEGMENT_BYTES - blankAt);
    expect(first.readUInt32BE(blankAt + 4)).toBe(0xcbd43194);
    expect(files.bytes(commitLogFile(SEGMENT_BYTES)).readInt32BE(0)).toBe(sizeBytes);
    store = await openStore(files);
    expect(await bodies(store)).toEqual(sent);
    await store.close();
  });

  async function openAndMeasure(files: FaultyFiles): Promise<{ sizeBytes: number }> {
    const store = await openStore(files);
    const [first] = await readAll(store);
    await store.close();
    return { sizeBytes: first!.storeSize };
  }

  it('fills a segment to the last byte that leaves room for the blank record', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files);
    const overhead = (await store.append(message(''))).sizeBytes;
    const exact = SEGMENT_BYTES - 8 - 2 * overhead;
    const fits = await store.append(message(Buffer.alloc(exact, 1)));
    expect(fits.commitLogOffset).toBe(overhead);
    expect((await store.append(message('next'))).commitLogOffset).toBe(SEGMENT_BYTES);
    expect(files.bytes(commitLogFile()).readInt32BE(SEGMENT_BYTES - 8)).toBe(8);
    expect(await readAll(store)).toHaveLength(3);
    await store.close();
  });

  it('puts a batch side by side in one segment, with consecutive offsets', async () => {
    const store = await openStore(new FaultyFiles());
    await store.append(message(Buffer.alloc(SEGMENT_BYTES - 1000)));
    const batch = Array.from({ length: 5 }, (_, index) => message(`${index}`.padEnd(300)));
    const results = await store.appendBatch(batch);
    expect(results.map(({ queueOffset }) => queueOffset)).toEqual([1, 2, 3, 4, 5]);
    expect(results[0]!.commitLogOffset).toBe(SEGMENT_BYTES);
    for (const [index, { commitLogOffset, sizeBytes }] of results.entries()) {
      expect(commitLogOffset).toBe(SEGMENT_BYTES + index * sizeBytes);
    }
    await store.close();
  });

  it('takes nothing of a batch of which one message is illegal', async () => {
    const store = await openStore(new FaultyFiles(), { maxMessageBytes: 100 });
    const batch = [message('fine'), message('x'.repeat(101)), message('fine too')];
    expect(await failure(store.appendBatch(batch))).toMatchObject({ code: 'MESSAGE_ILLEGAL' });
    const apart = [message('a'), message('b', { queueId: 1 })];
    expect(await failure(store.appendBatch(apart))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await failure(store.appendBatch([]))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((await store.append(message('first'))).queueOffset).toBe(0);
    expect(await bodies(store)).toEqual(['first']);
    await store.close();
  });

  it('takes nothing of a batch larger than a segment', async () => {
    const store = await openStore(new FaultyFiles());
    const batch = Array.from({ length: 20 }, () => message(Buffer.alloc(1000)));
    expect(await failure(store.appendBatch(batch))).toMatchObject({ code: 'MESSAGE_ILLEGAL' });
    expect(store.maxCommitLogOffset).toBe(0);
    await store.close();
  });

  it.each([
    ['a body', message('x'.repeat(4097)), 'body of 4097 bytes exceeds 4096'],
    ['a topic', message('', { topic: 'T'.repeat(128) }), 'topic of 128 bytes exceeds 127'],
    [
      'properties',
      message('', { properties: { k: 'v'.repeat(32766) } }),
      'properties of 32768 bytes exceeds 32767',
    ],
    ['properties that end in a zero byte', message('', { properties: { k: 'v\0' } }), 'zero byte'],
  ])('refuses %s beyond the limit, naming both sizes', async (_what, illegal, text) => {
    const store = await openStore(new FaultyFiles(), {
      maxMessageBytes: 4096,
      commitLogSegmentBytes: 1 << 20,
    });
    const error = await failure(store.append(illegal));
    expect(error).toMatchObject({ code: 'MESSAGE_ILLEGAL' });
    expect(error.message).toContain(text);
    await store.close();
  });

  it.each(['../../etc', '..', '.', 'a/b', 'a\\b', '', 'a\0b', 'a b'])(
    'refuses the topic %j, which is no directory of ours',
    async (topic) => {
      const files = new FaultyFiles();
      const store = await openStore(files);
      expect(await failure(store.append(message('x', { topic })))).toMatchObject({
        code: 'MESSAGE_ILLEGAL',
      });
      expect(store.topics()).toEqual([]);
      await store.close();
      expect(files.list(path.join(ROOT, 'consumequeue'))).toEqual([]);
    },
  );

  it.each([-1, 1.5, 2 ** 31, Number.NaN])('refuses the queueId %d', async (queueId) => {
    const store = await openStore(new FaultyFiles());
    expect(await failure(store.append(message('x', { queueId })))).toMatchObject({
      code: 'MESSAGE_ILLEGAL',
    });
    expect(store.topics()).toEqual([]);
    await store.close();
  });

  it('gives half messages and rollback markers no place in a queue', async () => {
    const store = await openStore(new FaultyFiles());
    const half = await store.append(
      message('half', { sysFlag: MessageSysFlag.TRANSACTION_PREPARED }),
    );
    await store.append(message('rolled back', { sysFlag: MessageSysFlag.TRANSACTION_ROLLBACK }));
    const committed = await store.append(
      message('committed', { sysFlag: MessageSysFlag.TRANSACTION_COMMIT }),
    );
    expect(half.queueOffset).toBe(0);
    expect(committed.queueOffset).toBe(0);
    expect(await bodies(store)).toEqual(['committed']);
    expect(await store.readRecord(half.commitLogOffset)).toHaveLength(half.sizeBytes);
    await store.close();
  });

  it('marks a parked message with its time of delivery in place of a tag', async () => {
    const clock = new FakeClock();
    const arrivals: Arrival[] = [];
    const store = await openStore(new FaultyFiles(), { clock });
    store.onArrival((arrival) => arrivals.push(arrival));
    const parked = message('x', {
      topic: 'SCHEDULE_TOPIC_XXXX',
      queueId: 2,
      tag: 'T',
      properties: { DELAY: '3' },
    });
    await store.append(parked);
    expect(arrivals).toMatchObject([{ tagsCode: clock.now() + 10_000 }]);
    await store.close();
  });
});

describe('being visible', () => {
  it('begins after fsync, before the acknowledgement, with one arrival per message', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files);
    const arrivals: Arrival[] = [];
    store.onArrival((arrival) => arrivals.push(arrival));
    await store.append(message('warm'));
    const release = files.holdSyncs();
    let visibleAtAck = -1;
    const acked = store.append(message('cold')).then(() => {
      visibleAtAck = store.maxOffset('TopicA', 0);
    });
    await settle();
    expect(store.maxOffset('TopicA', 0)).toBe(1);
    expect(arrivals).toHaveLength(1);
    expect(store.confirmOffset).toBeLessThan(store.maxCommitLogOffset);
    expect(await store.readRecord(store.confirmOffset)).toBeUndefined();
    expect(asSync(store.get({ ...everything, queueOffset: 1 })).status).toBe('OFFSET_OVERFLOW_ONE');
    release();
    await acked;
    expect(visibleAtAck).toBe(2);
    expect(arrivals).toMatchObject([
      { queueOffset: 0 },
      { topic: 'TopicA', queueId: 0, queueOffset: 1 },
    ]);
    expect(store.confirmOffset).toBe(store.maxCommitLogOffset);
    await store.close();
  });

  it('is not undone by a listener that throws', async () => {
    const logger = new RecordingLogger();
    const store = await openStore(new FaultyFiles(), { logger });
    const heard: number[] = [];
    store.onArrival(() => {
      throw new Error('listener');
    });
    store.onArrival(({ queueOffset }) => heard.push(queueOffset));
    await Promise.all([store.append(message('a')), store.append(message('b'))]);
    expect(heard).toEqual([0, 1]);
    expect(logger.messages('error')).toEqual(['a listener failed', 'a listener failed']);
    await store.close();
  });

  it('does not hold up the producer who asked not to wait', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files);
    await store.append(message('warm'));
    const release = files.holdSyncs();
    const result = await store.append(message('hasty', { waitStoreOk: false }));
    expect(result).toMatchObject({ status: 'PUT_OK', queueOffset: 1 });
    expect(store.maxOffset('TopicA', 0)).toBe(1);
    release();
    await until(() => store.maxOffset('TopicA', 0) === 2);
    await store.close();
  });

  it('is promised with FLUSH_DISK_TIMEOUT when fsync takes over five seconds', async () => {
    const files = new FaultyFiles();
    const clock = new FakeClock();
    const store = await openStore(files, { clock });
    await store.append(message('warm'));
    const release = files.holdSyncs();
    const first = store.append(message('first'));
    await clock.advanceAndSettle(3000);
    const second = store.append(message('second'));
    await clock.advanceAndSettle(2000);
    expect(await first).toMatchObject({ status: 'FLUSH_DISK_TIMEOUT', queueOffset: 1 });
    release();
    expect(await second).toMatchObject({ status: 'PUT_OK', queueOffset: 2 });
    expect(await bodies(store)).toEqual(['warm', 'first', 'second']);
    await store.close();
  });

  it('begins with the write under ASYNC_FLUSH, and fsync follows within half a second', async () => {
    const files = new FaultyFiles();
    const clock = new FakeClock();
    const store = await openStore(files, { clock, flushDiskType: 'ASYNC_FLUSH' });
    await store.append(message('one'));
    expect(store.stats.fsyncCount).toBe(0);
    expect(await bodies(store)).toEqual(['one']);
    await clock.advanceAndSettle(500);
    expect(store.stats.fsyncCount).toBe(1);
    await store.close();
  });

  it.each(['SYNC_FLUSH', 'ASYNC_FLUSH'] as const)(
    'leaves no timer behind when idle (%s)',
    async (flushDiskType) => {
      const clock = new FakeClock();
      const store = await openStore(new FaultyFiles(), { clock, flushDiskType });
      expect(clock.pendingTimers).toBe(0);
      await store.append(message('one'));
      await clock.advanceAndSettle(6000);
      expect(clock.pendingTimers).toBe(0);
      await store.close();
      expect(clock.pendingTimers).toBe(0);
    },
  );
});

describe('reading', () => {
  it('answers every offset with a status and a place to go on', async () => {
    const store = await openStore(new FaultyFiles());
    const at = (queueOffset: number, topic = 'TopicA'): GetResult =>
      asSync(store.get({ ...everything, topic, queueOffset }));
    expect(at(3)).toMatchObject({ status: 'NO_MATCHED_LOGIC_QUEUE', nextBeginOffset: 0 });
    for (const body of ['a', 'b', 'c']) await store.append(message(body));
    expect(at(0)).toMatchObject({
      status: 'FOUND',
      count: 3,
      nextBeginOffset: 3,
      minOffset: 0,
      maxOffset: 3,
    });
    expect(at(2)).toMatchObject({ status: 'FOUND', count: 1, nextBeginOffset: 3 });
    expect(at(3)).toMatchObject({ status: 'OFFSET_OVERFLOW_ONE', nextBeginOffset: 3 });
    expect(at(4)).toMatchObject({ status: 'OFFSET_OVERFLOW_BADLY', nextBeginOffset: 3 });
    expect(at(-1)).toMatchObject({ status: 'OFFSET_TOO_SMALL', nextBeginOffset: 0 });
    expect(at(0, 'Nowhere').status).toBe('NO_MATCHED_LOGIC_QUEUE');
    await store.close();
  });

  it('returns neighbours as one view of memory, without encoding them again', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files);
    await Promise.all(['a', 'b', 'c'].map((body) => store.append(message(body))));
    const { buffers } = asSync(store.get(everything));
    expect(buffers).toHaveLength(1);
    expect(buffers[0]!.equals(files.bytes(commitLogFile()).subarray(0, buffers[0]!.length))).toBe(
      true,
    );
    await store.close();
  });

  it('reads what left memory from disk', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files, { recentBytes: 0 });
    const sent = Array.from({ length: 400 }, (_, index) => String(index).padEnd(700, '.'));
    await Promise.all(
      sent.map((body, index) => store.append(message(body, { queueId: index % 2 }))),
    );
    // Trimmed by the next write.
    await store.append(message('newest', { queueId: 7 }));
    expect(store.get(everything)).toBeInstanceOf(Promise);
    expect(await bodies(store)).toEqual(sent.filter((_, index) => index % 2 === 0));
    expect(await bodies(store, 'TopicA', 1)).toEqual(sent.filter((_, index) => index % 2 === 1));
    await store.close();
  });

  it('stops at the wanted count and bytes, but returns a first message of any size', async () => {
    const store = await openStore(new FaultyFiles());
    const { sizeBytes } = await store.append(message('x'.repeat(500)));
    for (let index = 0; index < 9; index++) await store.append(message('x'.repeat(500)));
    const count = (maxCount: number, maxBytes: number): number =>
      asSync(store.get({ ...everything, maxCount, maxBytes })).count;
    expect(count(4, 1 << 20)).toBe(4);
    expect(count(32, 3 * sizeBytes)).toBe(3);
    expect(count(32, 3 * sizeBytes - 1)).toBe(2);
    expect(count(32, 1)).toBe(1);
    await store.close();
  });

  it('returns less of data that is far from the end: 8 messages or 64 KiB', async () => {
    const store = await openStore(new FaultyFiles(), {
      commitLogSegmentBytes: 1 << 20,
      transferLimits: { memoryBytes: 1000 },
    });
    for (let index = 0; index < 20; index++) await store.append(message('small', { queueId: 0 }));
    for (let index = 0; index < 20; index++)
      await store.append(message(Buffer.alloc(20_000), { queueId: 1 }));
    expect(asSync(store.get(everything)).count).toBe(8);
    expect(asSync(store.get({ ...everything, queueId: 1 })).count).toBe(3);
    await store.close();
  });

  it('filters by tagsCode and tells where to go on when nothing matched', async () => {
    const store = await openStore(new FaultyFiles(), { commitLogSegmentBytes: 1 << 20 });
    const results = [];
    for (let index = 0; index < 100; index++) {
      results.push(
        await store.append(message(`${index}`, { tag: index % 10 === 0 ? 'rare' : 'common' })),
      );
    }
    const rare = new Set([message('', { tag: 'rare' }).tagsCode]);
    const found = asSync(store.get({ ...everything, tagsCodes: rare }));
    expect(found).toMatchObject({ status: 'FOUND', count: 10, nextBeginOffset: 100 });
    const none = asSync(store.get({ ...everything, tagsCodes: new Set([12345]) }));
    expect(none).toMatchObject({ status: 'NO_MATCHED_MESSAGE', count: 0, nextBeginOffset: 100 });
    const two = asSync(store.get({ ...everything, maxCount: 2, tagsCodes: rare }));
    expect(two).toMatchObject({ status: 'FOUND', count: 2 });
    expect(two.nextBeginOffset).toBeGreaterThan(10);
    expect(two.nextBeginOffset).toBeLessThanOrEqual(20);
    await store.close();
  });

  it('gives up a filter scan after 800 entries or 20 per wanted message', async () => {
    const store = await openStore(new FaultyFiles(), { commitLogSegmentBytes: 1 << 20 });
    await Promise.all(Array.from({ length: 1000 }, () => store.append(message('x'))));
    const scan = (maxCount: number): number =>
      asSync(store.get({ ...everything, maxCount, tagsCodes: new Set([1]) })).nextBeginOffset;
    expect(scan(1)).toBe(800);
    expect(scan(45)).toBe(900);
    await store.close();
  });

  it('finds an offset by the time of storing', async () => {
    const clock = new FakeClock(1_000_000);
    const store = await openStore(new FaultyFiles(), { clock });
    expect(store.earliestStoreTime('TopicA', 0)).toBe(-1);
    expect(store.offsetByTime('TopicA', 0, 0)).toBe(0);
    for (let index = 0; index < 200; index++) {
      await store.append(message(`${index}`, index % 2 === 0 ? {} : { queueId: 1 }));
      clock.advance(1000);
    }
    expect(store.earliestStoreTime('TopicA', 0)).toBe(1_000_000);
    expect(store.earliestStoreTime('TopicA', 1)).toBe(1_001_000);
    expect(store.offsetByTime('TopicA', 0, 0)).toBe(0);
    expect(store.offsetByTime('TopicA', 0, 1_040_000)).toBe(20);
    expect(store.offsetByTime('TopicA', 0, 1_040_001)).toBe(21);
    expect(store.offsetByTime('TopicA', 0, 9_000_000)).toBe(100);
    await store.close();
  });

  it('returns one record by its CommitLog offset, and nothing where none begins', async () => {
    const store = await openStore(new FaultyFiles());
    await store.append(message('one'));
    const { commitLogOffset, sizeBytes } = await store.append(message('two'));
    expect(await store.readRecord(commitLogOffset)).toHaveLength(sizeBytes);
    expect(await store.readRecord(commitLogOffset, sizeBytes)).toHaveLength(sizeBytes);
    expect(await store.readRecord(commitLogOffset + 1)).toBeUndefined();
    expect(await store.readRecord(commitLogOffset, 10)).toBeUndefined();
    expect(await store.readRecord(-1)).toBeUndefined();
    // A body that looks like the start of a record of 1 GiB.
    const trap = Buffer.from('40000000daa320a7'.padEnd(72, '0'), 'hex');
    const baited = await store.append(message(trap));
    expect(await store.readRecord(baited.commitLogOffset + 88)).toBeUndefined();
    expect(await store.readRecord(1 << 30)).toBeUndefined();
    await store.close();
  });
});

describe('a store', () => {
  it('reads no record that no frame could carry: a body named one of a gigabyte, and it was allocated', async () => {
    const MiB = 1024 * 1024;
    const store = await openStore(new FaultyFiles(), {
      commitLogSegmentBytes: 64 * MiB,
      maxMessageBytes: 16 * MiB,
    });
    const trap = Buffer.alloc(64);
    trap.writeInt32BE(20 * MiB, 0);
    trap.writeUInt32BE(0xdaa320a7, 4);
    trap.writeBigInt64BE(88n, 28);
    await store.append(message(trap));
    for (let count = 0; count < 3; count++) await store.append(message(Buffer.alloc(7 * MiB)));
    expect(await store.readRecord(88)).toBeUndefined();
    await store.close();
  });

  it('refuses everything once closed, and closes twice', async () => {
    const store = await openStore(new FaultyFiles());
    const pending = store.append(message('on its way'));
    await Promise.all([store.close(), store.close()]);
    expect(await pending).toMatchObject({ status: 'PUT_OK' });
    expect(await failure(store.append(message('late')))).toMatchObject({ code: 'STORE_CLOSED' });
    expect(() => store.get(everything)).toThrow(expect.objectContaining({ code: 'STORE_CLOSED' }));
  });

  it('lists its queues without opening them', async () => {
    const files = new FaultyFiles();
    let store = await openStore(files);
    for (let queueId = 0; queueId < 200; queueId++) {
      await store.append(message('x', { topic: `Topic${queueId % 10}`, queueId }));
    }
    await store.close();
    const opensBefore = files.count('open');
    store = await openStore(files);
    expect(store.topics()).toHaveLength(10);
    expect(store.topics()[0]).toEqual({
      topic: 'Topic0',
      queueIds: Array.from({ length: 20 }, (_, index) => index * 10),
    });
    expect(files.count('open') - opensBefore).toBeLessThan(10);
    expect(store.maxOffset('Topic7', 17)).toBe(1);
    await store.close();
  });

  it('deletes the queues of a topic for good and numbers a new one from 0', async () => {
    const files = new FaultyFiles();
    let store = await openStore(files);
    for (let index = 0; index < 5; index++) await store.append(message('old'));
    await store.append(message('other', { topic: 'TopicB' }));
    await store.deleteTopic('TopicA');
    expect(store.topics()).toEqual([{ topic: 'TopicB', queueIds: [0] }]);
    expect(await bodies(store)).toEqual([]);
    expect((await store.append(message('new'))).queueOffset).toBe(0);
    files.killProcess();
    store = await openStore(files);
    expect(await bodies(store)).toEqual(['new']);
    expect(await bodies(store, 'TopicB')).toEqual(['other']);
    await store.close();
  });

  it.each(['closed', 'killed', 'cut from power'])(
    'keeps its last topic deleted after it was %s',
    async (end) => {
      const files = new FaultyFiles();
      let store = await openStore(files);
      for (let index = 0; index < 5; index++) await store.append(message('old'));
      await store.deleteTopic('TopicA');
      if (end === 'closed') await store.close();
      else if (end === 'killed') files.killProcess();
      else files.cutPower();
      for (let round = 0; round < 3; round++) {
        store = await openStore(files);
        expect(store.topics()).toEqual([]);
        await store.close();
      }
      store = await openStore(files);
      expect((await store.append(message('new'))).queueOffset).toBe(0);
      expect(await bodies(store)).toEqual(['new']);
      await store.close();
    },
  );

  it('keeps the last message of a topic whose deletion failed, though the checkpoint speaks of it', async () => {
    const files = new FaultyFiles();
    let store = await openStore(files);
    await store.append(message('first'));
    await store.close();
    store = await openStore(files);
    await store.append(message('last'));
    files.failNext('write', { path: 'checkpoint', code: 'ENOSPC', afterBytes: 4000 });
    await expect(store.deleteTopic('TopicA')).rejects.toThrow('ENOSPC');
    files.killProcess();
    store = await openStore(files);
    expect(await bodies(store)).toEqual(['first', 'last']);
    await store.close();
  });

  it('gives a message that is on its way to a deleted topic no queue entry', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files);
    await store.append(message('old'));
    const release = files.holdSyncs();
    const deleting = store.deleteTopic('TopicA');
    const late = store.append(message('late'));
    await settle();
    release();
    await deleting;
    await late;
    expect(store.topics()).toEqual([]);
    await store.close();
    expect(files.list(path.dirname(consumeQueueFile()))).toEqual([]);
  });

  it('serves 2,000 queues with few open files', async () => {
    await inTempDirectory(async (rootDir) => {
      const clock = new FakeClock();
      let openCount = 0;
      const open: Files['open'] = (file, mode) => {
        const opened = nodeFiles.open(file, mode);
        const close = opened.close.bind(opened);
        openCount++;
        opened.close = () => {
          openCount--;
          close();
        };
        return opened;
      };
      const files = { ...nodeFiles, open };
      let store = await openStore(files, { rootDir, clock, commitLogSegmentBytes: 1 << 24 });
      const queueIds = Array.from({ length: 2000 }, (_, index) => index);
      for (let round = 0; round < 3; round++) {
        await Promise.all(
          queueIds.map((queueId) => store.append(message(`${round}`, { queueId }))),
        );
        await clock.advanceAndSettle(1000);
      }
      expect(openCount).toBeLessThan(600);
      await store.close();
      expect(openCount).toBe(0);
      store = await openStore(nodeFiles, { rootDir, commitLogSegmentBytes: 1 << 24 });
      expect(queueIds.every((queueId) => store.maxOffset('TopicA', queueId) === 3)).toBe(true);
      expect(await bodies(store, 'TopicA', 1999)).toEqual(['0', '1', '2']);
      await store.close();
    });
  }, 60_000);

  it('begins above 0 where the first segment does', async () => {
    const files = new FaultyFiles();
    let store = await openStore(files);
    const sent = Array.from({ length: 100 }, (_, index) => String(index).padEnd(1000, '.'));
    for (const body of sent) await store.append(message(body));
    await store.close();
    files.remove(commitLogFile(0));
    files.remove(commitLogFile(SEGMENT_BYTES));
    store = await openStore(files);
    const minOffset = store.minOffset('TopicA', 0);
    expect(store.minCommitLogOffset).toBe(2 * SEGMENT_BYTES);
    expect(minOffset).toBeGreaterThan(10);
    expect(await bodies(store)).toEqual(sent.slice(minOffset));
    expect(asSync(store.get(everything))).toMatchObject({
      status: 'OFFSET_TOO_SMALL',
      nextBeginOffset: minOffset,
    });
    expect(store.earliestStoreTime('TopicA', 0)).toBeGreaterThan(0);
    await store.close();
  });

  it('spreads a long queue over files of the configured size', async () => {
    const files = new FaultyFiles();
    let store = await openStore(files, { commitLogSegmentBytes: 1 << 20 });
    const count = 3 * ENTRIES_PER_FILE + 7;
    await Promise.all(
      Array.from({ length: count }, (_, index) => store.append(message(`${index}`))),
    );
    await store.close();
    expect(files.list(path.dirname(consumeQueueFile()))).toHaveLength(4);
    store = await openStore(files, { commitLogSegmentBytes: 1 << 20 });
    expect(await bodies(store)).toEqual(Array.from({ length: count }, (_, index) => `${index}`));
    await store.close();
  });

  it('is refused to a second opener, by name of the holder', async () => {
    await inTempDirectory(async (rootDir) => {
      const store = await openStore(nodeFiles, { rootDir });
      const error = await failure(openStore(nodeFiles, { rootDir }));
      expect(error).toMatchObject({ code: 'STORE_FAILED' });
      expect(error.message).toContain('in use by this process');
      await store.close();
      await (await openStore(nodeFiles, { rootDir })).close();
    });
  });
});
