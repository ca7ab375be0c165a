import path from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { MessageStore, RetentionPolicy } from '../../../mq/store/message-store.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { DyingFiles } from '../../support/dying-files.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import {
  bodies,
  commitLogFile,
  ENTRIES_PER_FILE,
  message,
  openStore,
  readAll,
  ROOT,
  SEGMENT_BYTES,
} from './store-under-test.ts';

const HOUR = 3_600_000;
/** Not 72 hours: the disk is looked at every ten seconds. */
const RESERVED = 4 * HOUR;
/** Of bodies of 1000 bytes. */
const PER_SEGMENT = 14;
const LOOK = 10_000;
/** Local time, in no hour of deletion. */
const NOON = new Date(2030, 0, 15, 12).getTime();

let files: FaultyFiles;
let clock: FakeClock;
let logger: RecordingLogger;
let store: MessageStore;

const policy: RetentionPolicy = {
  reservedMs: RESERVED,
  deleteHours: Array.from({ length: 24 }, (_, hour) => hour),
  maxUsedPercent: 75,
  cleansForcibly: true,
  cleanForciblyPercent: 85,
  waitingFrom: () => Infinity,
  isTopic: () => true,
};

beforeEach(async () => {
  files = new FaultyFiles();
  clock = new FakeClock(NOON);
  logger = new RecordingLogger();
  store = await open();
});

async function open(over: Partial<RetentionPolicy> = {}, disk = files): Promise<MessageStore> {
  const options = { clock, logger, recentBytes: 4096, checkpointBytes: 4096 };
  const opened = await openStore(disk.process(), options);
  opened.startRetention({ ...policy, ...over });
  return opened;
}

async function send(count: number, options: Parameters<typeof message>[1] = {}): Promise<void> {
  const from = store.nextOffset(options.topic ?? 'TopicA', options.queueId ?? 0);
  for (let index = from; index < from + count; index++) {
    await store.append(message(`${index}`.padEnd(1000, '.'), options));
  }
}

/** Without looking in between: the pauses of one look are all that is gone through. */
async function look(): Promise<void> {
  await clock.advanceAndSettle(LOOK);
  await clock.advanceAndSettle(2_000);
}

function segments(): number[] {
  return files
    .list(path.join(ROOT, 'commitlog'))
    .map((name) => Number(name) / SEGMENT_BYTES)
    .toSorted((a, b) => a - b);
}

async function numbersKept(): Promise<number[]> {
  return (await readAll(store)).map(({ body }) => Number.parseInt(body.toString(), 10));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

describe('a segment', () => {
  it('goes when its last message is older than the reserved time, and the last segment stays', async () => {
    await send(2 * PER_SEGMENT);
    await clock.advanceAndSettle(HOUR);
    await send(2 * PER_SEGMENT + 1);
    await clock.advanceAndSettle(RESERVED - HOUR - 1);
    expect(segments()).toEqual([0, 1, 2, 3, 4]);
    await clock.advanceAndSettle(LOOK + 2_000);
    // The second is as old as the first message behind it, which came an hour later.
    expect(segments()).toEqual([1, 2, 3, 4]);
    await clock.advanceAndSettle(3 * RESERVED);
    expect(segments()).toEqual([4]);
    expect(await numbersKept()).toEqual([4 * PER_SEGMENT]);
    expect(store.stats.removedSegments).toBe(4);
  });

  it('goes at the hours of deletion only, while the disk has room', async () => {
    await store.close();
    store = await open({ deleteHours: [4] });
    await send(PER_SEGMENT + 1);
    await clock.advanceAndSettle(RESERVED + HOUR);
    expect(segments()).toEqual([0, 1]);
    files.usedPercent = 76;
    await look();
    expect(segments()).toEqual([1]);
    await send(PER_SEGMENT);
    files.usedPercent = 75;
    const until4 = new Date(2030, 0, 16, 4).getTime() - clock.now();
    await clock.advanceAndSettle(until4 - 1_000);
    expect(segments()).toEqual([1, 2]);
    await clock.advanceAndSettle(LOOK + 2_000);
    expect(segments()).toEqual([2]);
  });

  it('goes whatever its age above the forcible level, oldest first and no more than is needed', async () => {
    await send(6 * PER_SEGMENT + 1);
    const removeLarge = files.removeLarge.bind(files);
    files.removeLarge = async (file) => {
      await removeLarge(file);
      files.usedPercent -= 2;
    };
    files.usedPercent = 85;
    await look();
    expect(segments()).toHaveLength(7);
    files.usedPercent = 88;
    await look();
    expect(segments()).toEqual([2, 3, 4, 5, 6]);
    const removed = logger.entries.filter(
      ({ message: text }) => text === 'removed a CommitLog segment',
    );
    expect(removed.map(({ fields }) => fields)).toEqual([
      {
        segment: commitLogFile(0),
        reason: 'the disk is 88 % full, above diskSpaceCleanForciblyRatio 85',
        minOffset: SEGMENT_BYTES,
      },
      {
        segment: commitLogFile(SEGMENT_BYTES),
        reason: 'the disk is 86 % full, above diskSpaceCleanForciblyRatio 85',
        minOffset: 2 * SEGMENT_BYTES,
      },
    ]);
  });

  it('goes ten at a look at most, with a pause behind each', async () => {
    await send(13 * PER_SEGMENT + 1);
    files.usedPercent = 99;
    await clock.advanceAndSettle(LOOK);
    expect(segments()).toHaveLength(13);
    await clock.advanceAndSettle(300);
    expect(segments()).toHaveLength(10);
    await clock.advanceAndSettle(5_000);
    expect(segments()).toHaveLength(4);
    await look();
    expect(segments()).toEqual([13]);
  });

  it('stays on a full disk when forcible cleaning is off', async () => {
    await store.close();
    store = await open({ cleansForcibly: false });
    await send(3 * PER_SEGMENT);
    files.usedPercent = 99;
    await look();
    expect(segments()).toEqual([0, 1, 2]);
  });

  it('in which messages wait is kept when it is old, and not when the disk is full', async () => {
    await store.close();
    let waitingFrom = SEGMENT_BYTES + 100;
    store = await open({ waitingFrom: () => waitingFrom });
    await send(3 * PER_SEGMENT + 1);
    await clock.advanceAndSettle(2 * RESERVED);
    expect(segments()).toEqual([1, 2, 3]);
    expect(logger.messages('info').join()).toContain('messages in it wait for their time');
    files.usedPercent = 90;
    await look();
    expect(segments()).toEqual([3]);
    expect(logger.messages('error')).toContain(
      'messages that wait for their time are removed, because the disk is full',
    );
    waitingFrom = Infinity;
  });

  it('that cannot be removed is tried again before any other one', async () => {
    await send(3 * PER_SEGMENT + 1);
    files.failNext('removeLarge', { code: 'EIO' });
    files.usedPercent = 90;
    await look();
    expect(segments()).toEqual([0, 1, 2, 3]);
    expect(logger.messages('error')).toEqual(['old messages cannot be removed, trying again']);
    await look();
    expect(segments()).toEqual([3]);
    expect(logger.messages('info')).toContain('old messages can be removed again');
  });
});

describe('a wall clock that is set', () => {
  it('forward removes nothing before its time, and what is stored then keeps its time, too', async () => {
    await send(PER_SEGMENT + 1);
    clock.jumpWallClock(1000 * HOUR);
    await look();
    await send(PER_SEGMENT);
    await clock.advanceAndSettle(RESERVED - HOUR);
    expect(segments()).toEqual([0, 1, 2]);
    await clock.advanceAndSettle(HOUR + LOOK);
    expect(segments()).toEqual([2]);
  });

  it('back, and forward again, removes nothing that was stored meanwhile', async () => {
    await send(PER_SEGMENT + 1);
    clock.jumpWallClock(-100_000 * HOUR);
    await send(2 * PER_SEGMENT);
    clock.jumpWallClock(100_000 * HOUR);
    await look();
    await clock.advanceAndSettle(HOUR);
    await send(PER_SEGMENT);
    await clock.advanceAndSettle(RESERVED - 2 * HOUR);
    expect(segments()).toEqual([0, 1, 2, 3, 4]);
    await clock.advanceAndSettle(HOUR + LOOK);
    expect(segments()).toEqual([3, 4]);
  });

  it('forward while the broker was down removes nothing before a running broker had it for its time', async () => {
    await send(3 * PER_SEGMENT + 1);
    await store.close();
    clock.jumpWallClock(1000 * HOUR);
    store = await open();
    await clock.advanceAndSettle(RESERVED - LOOK);
    expect(segments()).toEqual([0, 1, 2, 3]);
    await clock.advanceAndSettle(2 * LOOK);
    expect(segments()).toEqual([3]);
  });

  it('does not matter to what was stored long before the last message', async () => {
    await send(2 * PER_SEGMENT);
    await clock.advanceAndSettle(RESERVED - HOUR);
    await send(PER_SEGMENT);
    await store.close();
    clock.jumpWallClock(1000 * HOUR);
    store = await open();
    await clock.advanceAndSettle(2 * HOUR);
    // By the records the first was full four hours ago; the second was not before the message an hour ago.
    expect(segments()).toEqual([1, 2]);
  });
});

it('a wall clock years ahead, by which one message was stored before a restart, removes nothing early', async () => {
  await send(3 * PER_SEGMENT + 3);
  clock.jumpWallClock(24 * 365 * 24 * HOUR);
  await send(1);
  await store.close();
  clock = new FakeClock(clock.now() + 9 * 24 * HOUR);
  store = await open();
  await look();
  expect(segments()).toEqual([0, 1, 2, 3]);
  await clock.advanceAndSettle(RESERVED + LOOK);
  expect(segments()).toEqual([3]);
});

describe('readers of what is gone', () => {
  it('are told where the queue begins', async () => {
    await send(3 * PER_SEGMENT);
    files.usedPercent = 90;
    await look();
    expect(
      await store.get({ topic: 'TopicA', queueId: 0, queueOffset: 3, maxCount: 9, maxBytes: 9 }),
    ).toMatchObject({
      status: 'OFFSET_TOO_SMALL',
      nextBeginOffset: 2 * PER_SEGMENT,
      minOffset: 2 * PER_SEGMENT,
      maxOffset: 3 * PER_SEGMENT,
    });
    expect(await numbersKept()).toEqual(range(2 * PER_SEGMENT, 3 * PER_SEGMENT));
    expect(store.storeTimeOf('TopicA', 0, 3)).toBe(-1);
    expect(await store.readRecord(0)).toBeUndefined();
  });

  it('get whole messages, or are sent on, when the segment goes while it is read', async () => {
    // One pull needs a read of each segment.
    for (let index = 0; index < 3 * PER_SEGMENT; index++) await send(1, { queueId: index % 3 });
    const { minOffset } = { minOffset: store.minOffset('TopicA', 0) };
    expect(minOffset).toBe(0);
    const pull = store.get({
      topic: 'TopicA',
      queueId: 0,
      queueOffset: 0,
      maxCount: 32,
      maxBytes: 1 << 20,
    });
    files.usedPercent = 90;
    clock.advance(LOOK);
    const found = await pull;
    await clock.advanceAndSettle(2_000);
    expect(segments()).toEqual([2]);
    expect(['FOUND', 'MESSAGE_WAS_REMOVING']).toContain(found.status);
    // Wherever it stopped, the next request gets on.
    let at = found.nextBeginOffset;
    const seen: number[] = [];
    for (let turn = 0; turn < 20 && at < store.maxOffset('TopicA', 0); turn++) {
      const next = await store.get({
        topic: 'TopicA',
        queueId: 0,
        queueOffset: at,
        maxCount: 32,
        maxBytes: 1 << 20,
      });
      if (next.status === 'FOUND') seen.push(...range(at, at + next.count));
      at = next.nextBeginOffset;
    }
    const kept = range(store.minOffset('TopicA', 0), store.maxOffset('TopicA', 0));
    expect(seen).toEqual(kept.filter((offset) => offset >= found.nextBeginOffset));
  });
});

describe('ConsumeQueues', () => {
  const directory = path.join(ROOT, 'consumequeue', 'TopicA', '0');

  it('lose the files all of whose messages are gone, and keep their numbers over a restart', async () => {
    const count = 3 * ENTRIES_PER_FILE;
    await send(count);
    await send(1, { topic: 'TopicB', queueId: 7 });
    await send(2 * PER_SEGMENT, { topic: 'TopicC' });
    await clock.advanceAndSettle(1_000);
    files.usedPercent = 90;
    await look();
    await look();
    expect(store.minOffset('TopicA', 0)).toBe(count);
    // The last file stays, for it says where the queue ends.
    expect(files.list(directory)).toHaveLength(1);
    for (const leave of ['close', 'kill', 'rebuild'] as const) {
      if (leave === 'kill') files.killProcess();
      else await store.close();
      if (leave === 'rebuild') files.put(path.join(ROOT, 'abort'), Buffer.from('rebuildQueues\n'));
      store = await open();
      expect(store.minOffset('TopicA', 0)).toBe(count);
      expect(store.maxOffset('TopicA', 0)).toBe(count);
      expect(store.maxOffset('TopicB', 7)).toBe(1);
      expect(store.minOffset('TopicB', 7)).toBe(1);
    }
    expect((await store.append(message('next'))).queueOffset).toBe(count);
    expect(await bodies(store)).toEqual(['next']);
  });

  it('keep their number when all that the last file has is cut', async () => {
    await send(ENTRIES_PER_FILE);
    await send(PER_SEGMENT, { topic: 'TopicB' });
    await store.flush();
    const damagedAt = store.maxCommitLogOffset;
    await send(3);
    await send(1, { topic: 'TopicB' });
    await store.close();
    store = await open();
    files.usedPercent = 90;
    await look();
    files.usedPercent = 50;
    expect(files.list(directory)).toHaveLength(1);
    files.killProcess();
    // Nothing says that it was flushed.
    files.remove(path.join(ROOT, 'checkpoint'));
    files.put(path.join(ROOT, 'abort'), Buffer.alloc(0));
    const base = damagedAt - (damagedAt % SEGMENT_BYTES);
    const bytes = files.bytes(commitLogFile(base));
    bytes[damagedAt - base + 300]! ^= 1;
    files.put(commitLogFile(base), bytes);
    for (let start = 0; start < 2; start++) {
      store = await open();
      expect(store.maxOffset('TopicA', 0)).toBe(ENTRIES_PER_FILE);
      await store.close();
    }
    store = await open();
    expect((await store.append(message('next'))).queueOffset).toBe(ENTRIES_PER_FILE);
  });

  it('of a deleted topic that a crash left behind go with its last message', async () => {
    await store.close();
    store = await open({ isTopic: (topic) => topic === 'TopicA' });
    await send(3, { topic: 'TopicGone' });
    await send(2 * PER_SEGMENT);
    await clock.advanceAndSettle(1_000);
    await look();
    expect(store.topics().map(({ topic }) => topic)).toEqual(['TopicGone', 'TopicA']);
    files.usedPercent = 90;
    await look();
    expect(store.topics().map(({ topic }) => topic)).toEqual(['TopicA']);
    expect(files.listDirectories(path.join(ROOT, 'consumequeue'))).toEqual(['TopicA']);
  });
});

it('IndexFiles go with the messages they lead to', async () => {
  for (let index = 0; index < 12 * PER_SEGMENT; index++) {
    await send(1, { properties: { KEYS: `k${index} a${index} b${index}` } });
    if (index % 50 === 0) await clock.advanceAndSettle(100);
  }
  await clock.advanceAndSettle(6_000);
  const before = files.list(path.join(ROOT, 'index'));
  expect(before.length).toBeGreaterThan(3);
  files.usedPercent = 90;
  await look();
  await look();
  const after = files.list(path.join(ROOT, 'index'));
  expect(after.length).toBeLessThan(before.length);
  expect(before.slice(-after.length)).toEqual(after);
  const last = 12 * PER_SEGMENT - 1;
  const query = {
    kind: 'key' as const,
    topic: 'TopicA',
    key: `k${last}`,
    maxCount: 1,
    beginMs: 0,
    endMs: Infinity,
  };
  expect((await store.queryMessages(query)).records).toHaveLength(1);
  expect((await store.queryMessages({ ...query, key: 'k3' })).records).toHaveLength(0);
});

describe('a clean-up that is cut short', () => {
  const countA = 2 * PER_SEGMENT + 1;
  const countB = ENTRIES_PER_FILE + PER_SEGMENT + 1;

  async function filled(): Promise<FaultyFiles> {
    const disk = new FaultyFiles(7);
    clock = new FakeClock(NOON);
    store = await open({}, disk);
    await send(countA);
    await send(countB, { topic: 'TopicB' });
    await store.close();
    return disk;
  }

  it.each(['kill', 'power'] as const)(
    'anywhere (%s) leaves a store that opens, whole from where it begins',
    async (death) => {
      files = await filled();
      const counting = new DyingFiles(files, { at: Infinity, death, tear: () => 0 });
      await (await openStore(counting.process(), { clock, logger, recentBytes: 4096 })).close();
      const openedWith = counting.count;
      let at = 1;
      for (let isOver = false; !isOver; at++) {
        files = await filled();
        const process = new DyingFiles(files, { at: openedWith + at, death, tear: () => 0 });
        store = await openStore(process.process(), { clock, logger, recentBytes: 4096 });
        store.startRetention(policy);
        files.usedPercent = 90;
        await clock.advanceAndSettle(LOOK + 5_000);
        isOver = !process.isDead;
        if (isOver)
          expect(files.list(path.join(ROOT, 'consumequeue', 'TopicB', '0'))).toHaveLength(1);
        await Promise.allSettled([store.close()]);
        if (!isOver) files.killProcess();
        files.usedPercent = 0;
        store = await open();
        const min = store.minOffset('TopicB', 0);
        expect({ at, max: store.maxOffset('TopicA', 0) }).toEqual({ at, max: countA });
        expect({ at, max: store.maxOffset('TopicB', 0) }).toEqual({
          at,
          max: countB,
        });
        const kept = (await readAll(store, 'TopicB')).map(({ queueOffset }) => queueOffset);
        expect({ at, kept }).toEqual({ at, kept: range(min, countB) });
        expect(await store.append(message('next'))).toMatchObject({
          queueOffset: countA,
        });
        await store.close();
        await settle();
      }
      expect(at).toBeGreaterThan(10);
    },
  );
});
