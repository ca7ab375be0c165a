import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { recoverTimers, timersDirectory } from '../../../mq/broker/timer-recovery.ts';
import type { TimerInstant } from '../../../mq/broker/timer-table.ts';
import { writeInt64 } from '../../../mq/protocol/bytes.ts';
import { encodeTimerCode } from '../../../mq/store/timer-entry.ts';
import { TimerJournal } from '../../../mq/store/timer-journal.ts';
import {
  encodeTimerSnapshot,
  timerSnapshotPath,
  writeTimerSnapshot,
} from '../../../mq/store/timer-snapshot.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { HOST, message, openStore, readAll, ROOT } from '../store/store-under-test.ts';
import { nextLife, TIMER_TOPIC, TimersUnderTest, TOPIC } from './timers-under-test.ts';

const START = Date.parse('2030-01-01T00:00:00Z');
const DIRECTORY = timersDirectory(ROOT);
const MILLION = 1_000_000;
const CHECKPOINT = path.join(ROOT, 'config', 'timercheck');

/** A queue of parked messages of which only the ConsumeQueue entries exist. */
function queueOf(count: number): Parameters<typeof recoverTimers>[0]['store'] {
  const entries = Buffer.alloc(count * 20);
  for (let queueOffset = 0; queueOffset < count; queueOffset++) {
    const at = queueOffset * 20;
    const dueMs = START + ((queueOffset * 7919) % 1_000_003);
    const kind = queueOffset % 2 === 0 ? 'relative' : 'absolute';
    writeInt64(entries, queueOffset * 300, at);
    entries.writeInt32BE(300, at + 8);
    writeInt64(entries, encodeTimerCode({ dueMs, kind }), at + 12);
  }
  return {
    entries: (_topic, _queueId, queueOffset, maxCount) =>
      entries.subarray(queueOffset * 20, (queueOffset + maxCount) * 20),
    readRecord: () => Promise.reject(new Error('a record was read')),
    minOffset: () => 0,
    maxOffset: () => count,
    maxCommitLogOffset: count * 300,
    isCut: () => false,
  };
}

function recover(
  files: FaultyFiles,
  store: Parameters<typeof recoverTimers>[0]['store'],
): ReturnType<typeof recoverTimers> {
  return recoverTimers({ store, files, rootDir: ROOT, logger: new RecordingLogger() });
}

const longAfter: TimerInstant = { wallMs: START * 2, steadyMs: START * 2, monotonicMs: 0 };

describe('a million timers', () => {
  it('are loaded from ConsumeQueue entries alone, no record read, at ≤ 200 bytes each', async () => {
    const { table, nextQueueOffset } = await recover(new FaultyFiles(), queueOf(MILLION));
    expect(table.size).toBe(MILLION);
    expect(nextQueueOffset).toBe(MILLION);
    expect(table.bytes / MILLION).toBeLessThanOrEqual(56.1);
    expect(table.peek(longAfter)).toBe(0);
  });

  it('are loaded from a snapshot, no record read, at ≤ 200 bytes each', async () => {
    const files = new FaultyFiles();
    const store = queueOf(MILLION);
    const { table, recalls } = await recover(files, store);
    files.makeDirectory(DIRECTORY);
    const snapshot = {
      generation: 1,
      nextQueueOffset: MILLION,
      steadyMs: START,
      recalls: recalls.values,
      ...table.view([]),
    };
    await writeTimerSnapshot(files, DIRECTORY, encodeTimerSnapshot(snapshot));
    const journal = new TimerJournal(files, DIRECTORY, 1);
    for (let queueOffset = 0; queueOffset < 1000; queueOffset++) {
      journal.add({ queueOffset, copyOffset: 300 });
    }
    journal.write();
    const entriesUnread = { ...store, entries: () => Buffer.alloc(0) };
    const again = await recover(files, entriesUnread);
    expect(again.table.size).toBe(MILLION - 1000);
    expect(again.steadyMs).toBe(START);
    expect(again.table.bytes / MILLION).toBeLessThanOrEqual(56.1);
  });
});

async function withTimers(files: FaultyFiles, count: number): Promise<FakeClock> {
  const clock = new FakeClock(START);
  const broker = await TimersUnderTest.open({ files: files.process(), clock });
  for (let index = 0; index < count; index++) {
    await broker.park(`m${index}`, 'TIMER_DELAY_MS', 1_000 * (index + 1));
  }
  await broker.advance(2_000);
  await broker.close();
  return nextLife(clock);
}

describe('the files of timers', () => {
  it.each([
    ['missing', (files: FaultyFiles) => files.remove(timerSnapshotPath(DIRECTORY))],
    [
      'garbage',
      (files: FaultyFiles) => files.put(timerSnapshotPath(DIRECTORY), Buffer.alloc(640, 0x5a)),
    ],
  ])(
    'whose snapshot is %s are made anew, and what was delivered is not again',
    async (_what, harm) => {
      const files = new FaultyFiles();
      const clock = await withTimers(files, 5);
      harm(files);
      const broker = await TimersUnderTest.open({ files: files.process(), clock });
      expect(broker.timers.size).toBe(3);
      await broker.advance(10_000);
      expect((await broker.copies()).map(({ name }) => name)).toEqual([
        'm0',
        'm1',
        'm2',
        'm3',
        'm4',
      ]);
      await broker.close();
    },
  );

  it('that are all gone lose nothing: what was delivered comes again', async () => {
    const files = new FaultyFiles();
    const clock = await withTimers(files, 3);
    files.removeTree(DIRECTORY);
    files.remove(CHECKPOINT);
    const broker = await TimersUnderTest.open({ files: files.process(), clock });
    await broker.advance(10_000);
    const names = (await broker.copies()).map(({ name }) => name);
    expect(names).toEqual(['m0', 'm1', 'm0', 'm1', 'm2']);
    await broker.close();
  });

  it('tell an original where to read on, and until when all is delivered', async () => {
    const files = new FaultyFiles();
    await withTimers(files, 5);
    const page = files.bytes(CHECKPOINT);
    const [readTimeMs, , queueOffset, looked] = [0, 8, 16, 24].map((at) =>
      Number(page.readBigInt64BE(at)),
    );
    expect({ readTimeMs, queueOffset, looked }).toEqual({
      readTimeMs: START + 2_000,
      queueOffset: 2,
      looked: 5,
    });
  });
});

describe('a directory that an original had', () => {
  const outMs = START + 60_000;

  /** As an original parks: rounded down, no TIMER_ENQUEUE_MS, a tag's hash in the entry. */
  async function parkedByOriginal(files: FaultyFiles): Promise<void> {
    const store = await openStore(files.process(), { clock: new FakeClock(START) });
    for (const [name, due, rolls] of [
      ['delivered', START - 1_000, {}],
      ['waits', outMs, {}],
      ['long', START + 600_000, {}],
      [
        'long',
        START + 600_000,
        { TIMER_ROLL_TIMES: '1', TIMER_ENQUEUE_MS: '1', TIMER_DEQUEUE_MS: '2' },
      ],
    ] as const) {
      await store.append({
        ...message(name, {
          topic: TIMER_TOPIC,
          tag: 'T',
          properties: {
            TIMER_DELIVER_MS: String(due + 700),
            TIMER_OUT_MS: String(due),
            REAL_TOPIC: TOPIC,
            REAL_QID: '0',
            UNIQ_KEY: name,
            ...rolls,
          },
        }),
        storeHost: HOST,
      });
    }
    await store.close();
    const page = Buffer.alloc(4096);
    for (const [at, value] of [
      [0, START],
      [16, 4],
      [24, 4],
    ] as const) {
      page.writeBigInt64BE(BigInt(value), at);
    }
    files.put(CHECKPOINT, page);
    files.put(path.join(ROOT, 'timerlog', '00000000000000000000'), Buffer.alloc(52));
    files.put(path.join(ROOT, 'timerwheel'), Buffer.alloc(32));
  }

  it('goes on where the original stopped, never before its own second is over', async () => {
    const files = new FaultyFiles();
    await parkedByOriginal(files);
    const clock = new FakeClock(START);
    const broker = await TimersUnderTest.open({ files: files.process(), clock });
    expect(broker.timers.size).toBe(2);
    await broker.advance(60_999);
    expect(await broker.copies()).toEqual([]);
    await broker.advance(1);
    expect((await broker.copies()).map(({ name }) => name)).toEqual(['waits']);
    await broker.advance(600_000);
    expect((await broker.copies()).map(({ name }) => name)).toEqual(['waits', 'long']);
    await broker.close();
  });

  it('is left without the wheel and the log, which would hide what we park from it', async () => {
    const files = new FaultyFiles();
    await parkedByOriginal(files);
    const broker = await TimersUnderTest.open({
      files: files.process(),
      clock: new FakeClock(START),
    });
    expect(files.listDirectories(ROOT)).not.toContain('timerlog');
    expect(files.sizeOf(path.join(ROOT, 'timerwheel'))).toBeUndefined();
    await broker.close();
    const page = files.bytes(CHECKPOINT);
    expect(Number(page.readBigInt64BE(16))).toBe(1);
    expect(await readAllNames(files)).toEqual(['delivered', 'waits', 'long', 'long']);
  });

  async function readAllNames(files: FaultyFiles): Promise<string[]> {
    const store = await openStore(files.process());
    const names = (await readAll(store, TIMER_TOPIC)).map(({ body }) => body.toString());
    await store.close();
    return names;
  }
});
