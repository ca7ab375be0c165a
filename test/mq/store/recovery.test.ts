import path from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { failure } from '../../support/failure.ts';
import { DyingFiles } from '../../support/dying-files.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { AbortFile } from '../../../mq/store/abort-file.ts';
import type { AppendResult, MessageStore } from '../../../mq/store/message-store.ts';
import {
  bodies,
  commitLogFile,
  consumeQueueFile,
  ENTRIES_PER_FILE,
  message,
  openStore,
  ROOT,
  SEGMENT_BYTES,
} from './store-under-test.ts';

const CHECKPOINT = path.join(ROOT, 'checkpoint');
const ABORT = path.join(ROOT, 'abort');
/** Of 1000-byte bodies; a segment takes 14 of these records. */
const PER_SEGMENT = 14;
/** Does not fit behind so many. */
const nextSegment = 'in the next segment'.padEnd(1000, '.');

let files: FaultyFiles;
let logger: RecordingLogger;

beforeEach(() => {
  files = new FaultyFiles();
  logger = new RecordingLogger();
});

function numbered(count: number, bytes = 1000): string[] {
  return Array.from({ length: count }, (_, index) => `${index}`.padEnd(bytes, '.'));
}

/** Fills a store and lets it end without closing. */
async function leaveAborted(sent: readonly string[]): Promise<AppendResult[]> {
  const store = await openStore(files);
  const results: AppendResult[] = [];
  for (const body of sent) results.push(await store.append(message(body)));
  files.killProcess();
  return results;
}

async function leaveClosed(sent: readonly string[]): Promise<void> {
  const store = await openStore(files);
  for (const body of sent) await store.append(message(body));
  await store.close();
}

function reopen(): Promise<MessageStore> {
  return openStore(files, { logger });
}

/** What a store must be after any recovery: whole, in order, and able to go on, twice. */
async function expectSound(sent: readonly string[]): Promise<void> {
  let store = await reopen();
  expect(await bodies(store)).toEqual(sent);
  const next = await store.append(message('goes on'));
  expect(next.queueOffset).toBe(sent.length);
  expect(await bodies(store)).toEqual([...sent, 'goes on']);
  files.killProcess();
  store = await reopen();
  expect(await bodies(store)).toEqual([...sent, 'goes on']);
  await store.close();
  store = await reopen();
  expect(await bodies(store)).toEqual([...sent, 'goes on']);
  await store.close();
}

function patchFile(file: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = files.bytes(file);
  files.put(file, change(bytes) ?? bytes);
}

describe('a CommitLog that ends in a torn record', () => {
  it('is cut behind the last whole one, at whatever byte the write was torn', async () => {
    const results = await leaveAborted(['first', 'second', 'the last, with properties']);
    const { commitLogOffset, sizeBytes } = results[2]!;
    const whole = files.bytes(commitLogFile());
    for (let torn = 0; torn < sizeBytes; torn++) {
      files = new FaultyFiles();
      files.put(ABORT, Buffer.alloc(0));
      const bytes = Buffer.from(whole).fill(0, commitLogOffset + torn);
      // A tear that only took zeros away changed nothing.
      const isWhole = bytes.equals(whole);
      files.put(commitLogFile(), bytes);
      const store = await reopen();
      const expected = isWhole ? 3 : 2;
      expect({ torn, count: store.maxOffset('TopicA', 0) }).toEqual({ torn, count: expected });
      expect(store.maxCommitLogOffset).toBe(
        results[expected]?.commitLogOffset ?? commitLogOffset + sizeBytes,
      );
      await store.append(message('x'));
      expect(await bodies(store)).toHaveLength(expected + 1);
      await store.close();
    }
  });

  it('is cut the same when the record has properties', async () => {
    let store = await openStore(files);
    await store.append(message('first'));
    const last = await store.append(
      message('last', { tag: 'TagA', properties: { KEYS: 'k1', UNIQ_KEY: 'AB12' } }),
    );
    files.killProcess();
    const whole = files.bytes(commitLogFile());
    for (let torn = 0; torn < last.sizeBytes; torn++) {
      files = new FaultyFiles();
      files.put(ABORT, Buffer.alloc(0));
      files.put(commitLogFile(), Buffer.from(whole).fill(0, last.commitLogOffset + torn));
      store = await reopen();
      expect({ torn, bodies: await bodies(store) }).toEqual({ torn, bodies: ['first'] });
      await store.close();
    }
  });

  it('never brings old bytes behind the tear back to life', async () => {
    const results = await leaveAborted(['first', 'second', 'third']);
    const second = results[1]!;
    // The second is damaged, the third behind it is whole: a power cut can do that to what was not flushed.
    patchFile(
      commitLogFile(),
      (bytes) => void bytes.fill(0, second.commitLogOffset, second.commitLogOffset + 8),
    );
    const store = await reopen();
    expect(await bodies(store)).toEqual(['first']);
    await store.append(message('2econd'));
    files.killProcess();
    expect(await bodies(await reopen())).toEqual(['first', '2econd']);
  });

  it('is cut at the end of a segment, before and in the blank record', async () => {
    for (const keepBytes of [0, 3, 4, 7]) {
      files = new FaultyFiles();
      const sent = numbered(PER_SEGMENT);
      const results = await leaveAborted([...sent, nextSegment]);
      const last = results[PER_SEGMENT - 1]!;
      const blankAt = last.commitLogOffset + last.sizeBytes;
      patchFile(commitLogFile(), (bytes) => void bytes.fill(0, blankAt + keepBytes));
      files.remove(commitLogFile(SEGMENT_BYTES));
      await expectSound(sent);
    }
  });

  it('goes on in a new segment when the last one is exactly full', async () => {
    const sent = numbered(PER_SEGMENT);
    await leaveAborted([...sent, nextSegment]);
    files.remove(commitLogFile(SEGMENT_BYTES));
    await expectSound(sent);
  });

  it('keeps a later segment apart when the one before it is damaged', async () => {
    const sent = numbered(2 * PER_SEGMENT + 3);
    const results = await leaveAborted(sent);
    files.remove(CHECKPOINT);
    const damaged = results[PER_SEGMENT + 5]!;
    patchFile(commitLogFile(SEGMENT_BYTES), (bytes) => {
      bytes[damaged.commitLogOffset - SEGMENT_BYTES + 200]! ^= 1;
    });
    const store = await reopen();
    expect(await bodies(store)).toEqual(sent.slice(0, PER_SEGMENT + 5));
    await store.close();
    expect(files.list(path.join(ROOT, 'quarantine'))).toContain(
      path.basename(commitLogFile(2 * SEGMENT_BYTES)),
    );
    expect(logger.messages('error').join()).toMatch(/quarantine/);
  });
});

describe('segments behind a tear', () => {
  it.each(['kill', 'power'] as const)(
    'leave no gap, wherever recovery dies (%s)',
    async (death) => {
      const sent = numbered(4 * PER_SEGMENT);
      for (let at = 1; ; at++) {
        files = new FaultyFiles(at);
        await leaveAborted(sent);
        patchFile(commitLogFile(), (bytes) => void bytes.fill(0, 5000));
        const dying = new DyingFiles(files, { at, death, tear: (bytes) => bytes.length });
        const opening = openStore(dying.process());
        if (
          !(await opening.then(
            () => dying.isDead,
            () => true,
          ))
        )
          break;
        const store = await reopen();
        expect(await bodies(store)).toEqual(sent.slice(0, 4));
        await store.close();
      }
    },
  );
});

describe('the last segment', () => {
  it.each([
    ['empty', 0],
    ['truncated behind its records', 5000],
  ])('is given its full size again when it is %s', async (_what, size) => {
    const sent = numbered(size === 0 ? PER_SEGMENT : PER_SEGMENT + 3);
    await leaveAborted([...sent, ...(size === 0 ? [nextSegment] : [])]);
    patchFile(commitLogFile(SEGMENT_BYTES), (bytes) => bytes.subarray(0, size));
    await expectSound(sent);
    expect(files.sizeOf(commitLogFile(SEGMENT_BYTES))).toBe(SEGMENT_BYTES);
  });

  it('is cut where it was truncated in the middle of a record', async () => {
    const sent = numbered(PER_SEGMENT + 3);
    await leaveAborted(sent);
    patchFile(commitLogFile(SEGMENT_BYTES), (bytes) => bytes.subarray(0, 2500));
    await expectSound(sent.slice(0, PER_SEGMENT + 2));
  });

  it('may be one that was created in advance and never used', async () => {
    const sent = numbered(3);
    await leaveClosed(sent);
    files.put(commitLogFile(SEGMENT_BYTES), Buffer.alloc(SEGMENT_BYTES));
    files.put(commitLogFile(2 * SEGMENT_BYTES), Buffer.alloc(SEGMENT_BYTES));
    await expectSound(sent);
  });

  it('may have been made with another segment size', async () => {
    const sent = numbered(PER_SEGMENT + 2);
    await leaveClosed(sent);
    for (const commitLogSegmentBytes of [4 * SEGMENT_BYTES, SEGMENT_BYTES / 2]) {
      const store = await openStore(files, { commitLogSegmentBytes });
      for (const body of numbered(20)) {
        await store.append(message(body));
        sent.push(body);
      }
      expect(await bodies(store)).toEqual(sent);
      await store.close();
    }
  });

  it('must follow on the one before: a gap is an error that names both offsets', async () => {
    await leaveAborted(numbered(3 * PER_SEGMENT));
    files.remove(commitLogFile(SEGMENT_BYTES));
    const error = await failure(reopen());
    expect(error).toMatchObject({ code: 'STORE_FAILED' });
    expect(error.message).toContain(
      `ends at ${SEGMENT_BYTES}, the next one starts at ${2 * SEGMENT_BYTES}`,
    );
    // The lock is free again.
    expect((await failure(reopen())).message).toBe(error.message);
  });
});

describe('ConsumeQueues', () => {
  const sent = numbered(3 * ENTRIES_PER_FILE + 5, 20);

  it('that are missing altogether are rebuilt', async () => {
    for (const leave of [leaveAborted, leaveClosed]) {
      files = new FaultyFiles();
      await leave(sent);
      files.removeTree(path.join(ROOT, 'consumequeue'));
      await expectSound(sent);
    }
  });

  it.each(['kill', 'power'] as const)(
    'that are missing altogether are rebuilt, wherever the first start that does so dies (%s)',
    async (death) => {
      let at = 0;
      for (let isOver = false; !isOver;) {
        files = new FaultyFiles(++at);
        const store = await openStore(files);
        for (const body of sent) await store.append(message(body));
        // The last one is the first of its queue: it lacks no entry before it.
        await store.append(message('elsewhere', { topic: 'TopicB' }));
        await store.close();
        files.removeTree(path.join(ROOT, 'consumequeue'));
        const dying = new DyingFiles(files, { at, death, tear: (bytes) => bytes.length });
        const opened = await openStore(dying.process()).catch(() => undefined);
        await Promise.allSettled([opened?.close()]);
        isOver = !dying.isDead;
        files.killProcess();
        const again = await reopen();
        expect({ at, found: await bodies(again) }).toEqual({ at, found: sent });
        expect(await bodies(again, 'TopicB')).toEqual(['elsewhere']);
        await again.close();
      }
      expect(at).toBeGreaterThan(10);
    },
  );

  it.each([0, 1, 19, 20, 30, ENTRIES_PER_FILE * 20])(
    'that lack the entries behind byte %d are filled up, with and without a checkpoint',
    async (keptBytes) => {
      for (const hasCheckpoint of [true, false]) {
        files = new FaultyFiles();
        await leaveClosed(sent);
        files.put(ABORT, Buffer.alloc(0));
        if (!hasCheckpoint) files.remove(CHECKPOINT);
        patchFile(consumeQueueFile(), (bytes) => void bytes.fill(0, keptBytes));
        for (let index = 1; index < 4; index++)
          files.remove(consumeQueueFile('TopicA', 0, index * ENTRIES_PER_FILE * 20));
        await expectSound(sent);
      }
    },
  );

  it('of one queue are rebuilt when they are missing and others are there', async () => {
    const store = await openStore(files);
    for (const body of sent) {
      await store.append(message(body));
      await store.append(message(body, { topic: 'TopicB', queueId: 3 }));
    }
    await store.close();
    files.put(ABORT, Buffer.alloc(0));
    files.removeTree(path.join(ROOT, 'consumequeue', 'TopicB'));
    const reopened = await reopen();
    expect(await bodies(reopened, 'TopicB', 3)).toEqual(sent);
    expect(await bodies(reopened)).toEqual(sent);
    await reopened.close();
  });

  it('in a file that a killed process made, and no more, outlive a power cut', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      files = new FaultyFiles(seed);
      const clock = new FakeClock();
      const store = await openStore(files.process(), { clock });
      files.failNext('write', { path: 'consumequeue', code: 'EIO' });
      await store.append(message('served'));
      await store.append(message('where the next recovery starts', { topic: 'TopicB' }));
      await clock.advanceAndSettle(1000);
      files.killProcess();
      // The checkpoint that is saved behind this start vouches for the entries.
      const reopened = await openStore(files.process(), { clock });
      await settle(20);
      expect(await bodies(reopened)).toEqual(['served']);
      files.cutPower();
      await expectSound(['served']);
    }
  });

  it('whose messages are gone outlive a power cut, though nothing vouched for their files', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      files = new FaultyFiles(seed);
      const clock = new FakeClock();
      const store = await openStore(files.process(), { clock });
      await store.append(message('gone', { topic: 'TopicB' }));
      for (const body of numbered(PER_SEGMENT + 1)) await store.append(message(body));
      // Written, and no more.
      await clock.advanceAndSettle(1000);
      files.killProcess();
      files.remove(commitLogFile());
      await files.syncDirectory(path.dirname(commitLogFile()));
      const reopened = await openStore(files.process(), { clock });
      const next = await reopened.append(message('next', { topic: 'TopicB' }));
      expect(next.queueOffset).toBe(1);
      // The next start begins here, and needs nothing of the other queue.
      await reopened.append(message('last'));
      await reopened.close();
      files.cutPower();
      const again = await reopen();
      expect({ seed, found: await bodies(again, 'TopicB') }).toEqual({ seed, found: ['next'] });
      await again.close();
    }
  });

  it('that run ahead of the CommitLog are cut, in queues recovery has not touched as well', async () => {
    const store = await openStore(files);
    const kept = await store.append(message('kept'));
    await store.append(message('kept', { topic: 'TopicB' }));
    const lost = await store.append(message('lost', { topic: 'TopicB' }));
    await store.append(message('lost', { topic: 'TopicC' }));
    await store.close();
    files.put(ABORT, Buffer.alloc(0));
    patchFile(commitLogFile(), (bytes) => void bytes.fill(0, lost.commitLogOffset));
    const reopened = await reopen();
    expect(await bodies(reopened, 'TopicB')).toEqual(['kept']);
    expect(await bodies(reopened, 'TopicC')).toEqual([]);
    expect(reopened.maxOffset('TopicC', 0)).toBe(0);
    // The cut entries would point into these by now.
    for (const body of numbered(5)) await reopened.append(message(body));
    await reopened.append(message('again', { topic: 'TopicB' }));
    await reopened.close();
    const again = await reopen();
    expect(await bodies(again, 'TopicB')).toEqual(['kept', 'again']);
    expect(again.maxOffset('TopicC', 0)).toBe(0);
    expect(kept.queueOffset).toBe(0);
    await again.close();
  });

  it('with garbage in their newest entries are corrected', async () => {
    await leaveClosed(sent);
    files.put(ABORT, Buffer.alloc(0));
    files.remove(CHECKPOINT);
    patchFile(
      consumeQueueFile('TopicA', 0, 3 * ENTRIES_PER_FILE * 20),
      (bytes) => void bytes.fill(0xff, 40, 100),
    );
    await expectSound(sent);
  });

  it('that were cut across files stay so when a power cut brings the name of one back', async () => {
    const kept = ENTRIES_PER_FILE - 12;
    for (let seed = 1; seed <= 10; seed++) {
      files = new FaultyFiles(seed);
      await leaveClosed(sent.slice(0, kept));
      const older = files.bytes(commitLogFile());
      let store = await reopen();
      for (const body of sent.slice(kept, ENTRIES_PER_FILE + 2)) await store.append(message(body));
      await store.close();
      files.put(commitLogFile(), older);
      await (await reopen()).close();
      files.cutPower();
      store = await reopen();
      expect({ seed, end: store.maxOffset('TopicA', 0) }).toEqual({ seed, end: kept });
      await store.close();
    }
  });

  it('with a file that was cut off, and is back, behind what was cleared, are cut there', async () => {
    const kept = ENTRIES_PER_FILE - 12;
    await leaveClosed(sent.slice(0, kept));
    let store = await reopen();
    const last = await store.append(message('of another queue', { queueId: 1 }));
    await store.close();
    files.put(ABORT, Buffer.alloc(0));
    const entry = Buffer.alloc(20);
    entry.writeBigInt64BE(BigInt(last.commitLogOffset + 5000), 0);
    entry.writeInt32BE(100, 8);
    const bytes = Buffer.alloc(ENTRIES_PER_FILE * 20);
    entry.copy(bytes);
    files.put(consumeQueueFile('TopicA', 0, ENTRIES_PER_FILE * 20), bytes);
    store = await reopen();
    expect(await store.append(message('next'))).toMatchObject({ queueOffset: kept });
    await store.close();
  });

  it('keep their numbers when the log no longer has the first messages', async () => {
    const many = numbered(4 * PER_SEGMENT);
    await leaveClosed(many);
    files.remove(commitLogFile());
    files.removeTree(path.join(ROOT, 'consumequeue'));
    const store = await reopen();
    expect(store.minOffset('TopicA', 0)).toBe(PER_SEGMENT);
    expect(await bodies(store)).toEqual(many.slice(PER_SEGMENT));
    await store.close();
    // Room before the first entry is filled as the original fills it.
    const filler = files.bytes(consumeQueueFile()).subarray(0, 20);
    expect(filler.toString('hex')).toBe('00000000000000007fffffff0000000000000000');
    const again = await reopen();
    expect(again.minOffset('TopicA', 0)).toBe(PER_SEGMENT);
    expect((await again.append(message('next'))).queueOffset).toBe(many.length);
    await again.close();
  });
});

describe('the checkpoint', () => {
  const sent = numbered(PER_SEGMENT * 3);
  const variants: [string, () => void][] = [
    ['missing', () => files.remove(CHECKPOINT)],
    ['empty', () => files.put(CHECKPOINT, Buffer.alloc(0))],
    ['short', () => files.put(CHECKPOINT, Buffer.alloc(100, 1))],
    ['all zeros', () => files.put(CHECKPOINT, Buffer.alloc(4096))],
    ['garbage', () => files.put(CHECKPOINT, Buffer.alloc(4096, 0xab))],
    ['positive garbage', () => files.put(CHECKPOINT, Buffer.alloc(4096, 0x01))],
    [
      "the original's, without our hint",
      () => patchFile(CHECKPOINT, (bytes) => void bytes.fill(0, 24)),
    ],
    [
      'ahead in time',
      () =>
        patchFile(
          CHECKPOINT,
          (bytes) =>
            void (
              bytes.fill(0, 24),
              bytes.writeBigInt64BE(4_000_000_000_000n, 0),
              bytes.writeBigInt64BE(4_000_000_000_000n, 8)
            ),
        ),
    ],
    [
      'one with a flipped bit in its hint',
      () => patchFile(CHECKPOINT, (bytes) => void (bytes[2058]! ^= 4)),
    ],
  ];

  it.each(variants)('may be %s, after a clean end and after a crash', async (_what, damage) => {
    for (const isAborted of [false, true]) {
      files = new FaultyFiles();
      await leaveClosed(sent);
      if (isAborted) files.put(ABORT, Buffer.alloc(0));
      damage();
      await expectSound(sent);
    }
  });

  it('may be ahead of the CommitLog, as when an older copy of that was put back', async () => {
    await leaveClosed(sent.slice(0, 5));
    const older = files.bytes(commitLogFile());
    files = new FaultyFiles();
    await leaveClosed(sent.slice(0, 12));
    files.put(commitLogFile(), older);
    const store = await reopen();
    expect(await bodies(store)).toEqual(sent.slice(0, 5));
    expect((await store.append(message('next'))).queueOffset).toBe(5);
    await store.close();
  });

  it('may be behind: what came later is found by walking on', async () => {
    await leaveClosed(sent.slice(0, 5));
    const older = files.bytes(CHECKPOINT);
    let store = await reopen();
    for (const body of sent.slice(5)) await store.append(message(body));
    await store.close();
    files.put(CHECKPOINT, older);
    store = await reopen();
    expect(store.stats.recoveredRecords).toBe(sent.length - 4);
    expect(await bodies(store)).toEqual(sent);
    await store.close();
  });

  it('keeps what the original wrote elsewhere on its page', async () => {
    await leaveClosed(sent.slice(0, 2));
    patchFile(CHECKPOINT, (bytes) => void bytes.writeBigInt64BE(1234n, 32));
    await expectSound(sent.slice(0, 2));
    expect(files.bytes(CHECKPOINT).readBigInt64BE(32)).toBe(1234n);
  });

  it('has the three timestamps where the original has them', async () => {
    const store = await openStore(files);
    const { storeTimestamp } = await store.append(message('x'));
    await store.close();
    const page = files.bytes(CHECKPOINT);
    expect(page.readBigInt64BE(0)).toBe(BigInt(storeTimestamp));
    expect(page.readBigInt64BE(8)).toBe(BigInt(storeTimestamp));
    expect(page.readBigInt64BE(16)).toBe(0n);
  });

  it('spares a clean start the walk, and moves as the log grows', async () => {
    let store = await openStore(files, { checkpointBytes: 20_000 });
    for (const body of numbered(100)) await store.append(message(body));
    files.killProcess();
    store = await reopen();
    expect(store.stats.wasAborted).toBe(true);
    expect(store.stats.recoveredRecords).toBeLessThan(40);
    expect(await bodies(store)).toEqual(numbered(100));
    await store.close();
    store = await reopen();
    expect(store.stats).toMatchObject({ wasAborted: false, recoveredRecords: 1 });
    await store.close();
  });
});

describe('the abort file', () => {
  it('exists exactly while the store is open', async () => {
    const store = await openStore(files);
    expect(files.sizeOf(ABORT)).toBeDefined();
    await store.close();
    expect(files.sizeOf(ABORT)).toBeUndefined();
  });

  it('is found after a kill, also one during recovery', async () => {
    await leaveAborted(numbered(3));
    files.failNext('read', { path: 'commitlog', code: 'EIO' });
    await expect(reopen()).rejects.toThrow('EIO');
    files.killProcess();
    await expectSound(numbered(3));
  });

  it('says nothing of the log, or what it was to say, with a flipped bit anywhere', () => {
    files.makeDirectory(ROOT);
    const abort = new AbortFile(files, ROOT);
    abort.write({ rebuildQueues: false, flushedTo: 5000 });
    const whole = files.bytes(ABORT);
    const said = new Set<number | undefined>();
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      files.put(ABORT, flipped);
      said.add(abort.read()?.flushedTo);
    }
    expect(said).toEqual(new Set([undefined, 5000]));
  });

  it('says nothing, rather than what it said before, when a full disk has no room for what it is to say', async () => {
    files.makeDirectory(ROOT);
    const abort = new AbortFile(files, ROOT);
    for (const afterBytes of [0, 20]) {
      await abort.create({ rebuildQueues: false, flushedTo: 5000 });
      files.failNext('write', { path: ABORT, code: 'ENOSPC', afterBytes });
      abort.write({ rebuildQueues: false, flushedTo: undefined });
      expect(abort.read()).toEqual({ rebuildQueues: false, flushedTo: undefined });
      // Nor what is left of a start that was killed before it had given that its name.
      abort.write({ rebuildQueues: false, flushedTo: 5000 });
      files.put(`${ABORT}.tmp`, files.bytes(ABORT));
      files.failNext('write', { path: `${ABORT}.tmp`, code: 'ENOSPC', afterBytes });
      await abort.create({ rebuildQueues: false, flushedTo: 1000 });
      expect(abort.read()).toEqual({ rebuildQueues: false, flushedTo: undefined });
    }
  });
});
