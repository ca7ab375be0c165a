import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { entryTagsCode } from '../../../mq/store/dispatch.ts';
import { readTimerCheckpoint, writeTimerCheckpoint } from '../../../mq/store/timer-checkpoint.ts';
import { decodeTimerCode, encodeTimerCode, timerEntryOf } from '../../../mq/store/timer-entry.ts';
import { readTimerJournal, TimerJournal, timerJournals } from '../../../mq/store/timer-journal.ts';
import {
  decodeTimerSnapshot,
  encodeTimerSnapshot,
  readTimerSnapshot,
  timerSnapshotPath,
  writeTimerSnapshot,
} from '../../../mq/store/timer-snapshot.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { ROOT } from './store-under-test.ts';
import { plays } from '../../support/plays.ts';

const DIRECTORY = path.join(ROOT, 'timers');
const YEAR_3000 = 32_503_680_000_000;

function properties(given: Record<string, string>): string {
  return encodeProperties(new Map(Object.entries(given)));
}

describe('the tagsCode of a parked message', () => {
  it('says when it is due and of what kind it is, for any time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2 ** 31, max: YEAR_3000 }),
        fc.constantFrom('relative', 'absolute', 'recall'),
        (dueMs, kind) => {
          expect(decodeTimerCode(encodeTimerCode({ dueMs, kind }))).toEqual({ dueMs, kind });
        },
      ),
      plays(),
    );
  });

  it('is told from a tag’s hash, which an original has there', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (hash) => {
        expect(decodeTimerCode(hash)).toBeUndefined();
      }),
      plays(),
    );
  });

  it('is the exact time in our records and the end of its second in the original’s', () => {
    const ours = { TIMER_OUT_MS: '1900000000123', TIMER_ENQUEUE_MS: '1', TIMER_DELAY_MS: '5' };
    expect(timerEntryOf(properties(ours))).toEqual({ dueMs: 1_900_000_000_123, kind: 'relative' });
    const original = { TIMER_OUT_MS: '1900000000000', TIMER_DELIVER_MS: '1900000000123' };
    const due = { dueMs: 1_900_000_001_000, kind: 'absolute' };
    expect(timerEntryOf(properties(original))).toEqual(due);
    const rolled = { ...original, TIMER_ENQUEUE_MS: '1', TIMER_DEQUEUE_MS: '2' };
    expect(timerEntryOf(properties(rolled))).toEqual(due);
    const recall = { ...ours, TIMER_DEL_UNIQKEY: 'T+m' };
    expect(timerEntryOf(properties(recall))?.kind).toBe('recall');
  });

  it('is the tag’s hash when the message does not say when it is due', () => {
    for (const outMs of ['', 'x', '-1', '99999999999999999999']) {
      const propertiesString = properties({ TIMER_OUT_MS: outMs, TAGS: 'T' });
      const record = { topic: 'rmq_sys_wheel_timer', propertiesString, storeTimestamp: 1 };
      expect(entryTagsCode(record, [])).toBe('T'.charCodeAt(0));
    }
  });
});

describe('the snapshot of what waits', () => {
  const numbers = fc
    .array(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { maxLength: 20 })
    .map((list) => Float64Array.from(list));
  const pairs = numbers.map((dueMs) => ({ dueMs, queueOffsets: dueMs.map((each) => each / 2) }));
  const snapshots = fc.record({
    generation: fc.nat(),
    nextQueueOffset: fc.nat(),
    steadyMs: fc.double({ min: 0, max: 1e15, noNaN: true }),
    relative: pairs,
    absolute: pairs,
    recalls: numbers,
  });

  it('is read as it was written', async () => {
    const files = new FaultyFiles();
    files.makeDirectory(DIRECTORY);
    await fc.assert(
      fc.asyncProperty(snapshots, async (snapshot) => {
        await writeTimerSnapshot(files, DIRECTORY, encodeTimerSnapshot(snapshot));
        expect(readTimerSnapshot(files, DIRECTORY)).toEqual(snapshot);
      }),
      plays(),
    );
  });

  it('is not believed when a bit of it is wrong or a part is missing', () => {
    fc.assert(
      fc.property(snapshots, fc.nat(), fc.nat(7), fc.nat(), (snapshot, at, bit, length) => {
        const bytes = encodeTimerSnapshot(snapshot);
        const cut = bytes.subarray(0, length % bytes.length);
        expect(decodeTimerSnapshot(cut)).toBeUndefined();
        const flipped = Buffer.from(bytes);
        flipped[at % bytes.length]! ^= 1 << bit;
        expect(decodeTimerSnapshot(flipped)).toBeUndefined();
      }),
      plays(),
    );
  });

  it('is none when there is no file, or an empty one', () => {
    const files = new FaultyFiles();
    expect(readTimerSnapshot(files, DIRECTORY)).toBeUndefined();
    files.put(timerSnapshotPath(DIRECTORY), Buffer.alloc(0));
    expect(readTimerSnapshot(files, DIRECTORY)).toBeUndefined();
  });
});

describe('the journal of what was delivered', () => {
  it('is read as it was written, and leaves out half an entry and what reads as zeros', () => {
    const files = new FaultyFiles();
    const journal = new TimerJournal(files, DIRECTORY, 7);
    journal.add({ queueOffset: 3, copyOffset: 2 ** 40 });
    journal.write();
    journal.addSteady(YEAR_3000);
    journal.add({ queueOffset: 4, copyOffset: 5 });
    journal.write();
    journal.close();
    expect(timerJournals(files, DIRECTORY)).toEqual([7]);
    const file = path.join(DIRECTORY, 'journal-7');
    files.put(file, Buffer.concat([files.bytes(file), Buffer.alloc(16), Buffer.alloc(15, 1)]));
    expect(readTimerJournal(files, DIRECTORY, 7)).toEqual({
      done: [
        { queueOffset: 3, copyOffset: 2 ** 40 },
        { queueOffset: 4, copyOffset: 5 },
      ],
      steadyMs: YEAR_3000,
    });
  });

  it('keeps what the disk did not take, and writes it over the half that got through', () => {
    const files = new FaultyFiles();
    const journal = new TimerJournal(files, DIRECTORY, 1);
    journal.add({ queueOffset: 1, copyOffset: 10 });
    journal.write();
    files.failNext('write', { path: 'journal', code: 'ENOSPC', afterBytes: 20 });
    journal.add({ queueOffset: 2, copyOffset: 20 });
    journal.add({ queueOffset: 3, copyOffset: 30 });
    expect(() => journal.write()).toThrow('ENOSPC');
    expect(journal.entryCount).toBe(3);
    journal.add({ queueOffset: 4, copyOffset: 40 });
    journal.write();
    const { done } = readTimerJournal(files, DIRECTORY, 1);
    expect(done.map(({ queueOffset }) => queueOffset)).toEqual([1, 2, 3, 4]);
  });
});

describe('the checkpoint that an original reads', () => {
  it('has its numbers where the original has them, and keeps what else is on the page', async () => {
    const files = new FaultyFiles();
    const file = path.join(ROOT, 'config', 'timercheck');
    const page = Buffer.alloc(4096);
    page.writeBigInt64BE(77n, 40);
    files.put(file, page);
    const checkpoint = {
      lastReadTimeMs: 1_900_000_000_000,
      lastTimerQueueOffset: 5,
      masterTimerQueueOffset: 9,
    };
    await writeTimerCheckpoint(files, ROOT, checkpoint);
    const written = files.bytes(file);
    const read = [0, 8, 16, 24, 40].map((at) => Number(written.readBigInt64BE(at)));
    expect(read).toEqual([1_900_000_000_000, 0, 5, 9, 77]);
    expect(readTimerCheckpoint(files, ROOT)).toEqual(checkpoint);
  });
});
