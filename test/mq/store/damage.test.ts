import path from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AppendResult, MessageStore } from '../../../mq/store/message-store.ts';
import { readRecordHeader } from '../../../mq/protocol/message.ts';
import { DyingFiles, type Death } from '../../support/dying-files.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import {
  bodies,
  commitLogFile,
  message,
  openStore,
  readAll,
  ROOT,
  SEGMENT_BYTES,
} from './store-under-test.ts';

const ABORT = path.join(ROOT, 'abort');
const CHECKPOINT = path.join(ROOT, 'checkpoint');
const QUARANTINE = path.join(ROOT, 'quarantine');
/** Of bodies of 1000 bytes. */
const PER_SEGMENT = 14;

let files: FaultyFiles;
let logger: RecordingLogger;

beforeEach(() => {
  files = new FaultyFiles();
  logger = new RecordingLogger();
});

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index}`.padEnd(1000, '.'));
}

/** A store that held these and was killed, or closed. */
async function leave(sent: readonly string[], isClosed = false): Promise<AppendResult[]> {
  const store = await openStore(files);
  const results: AppendResult[] = [];
  for (const body of sent) results.push(await store.append(message(body)));
  if (isClosed) await store.close();
  else files.killProcess();
  return results;
}

function reopen(disk = files.process()): Promise<MessageStore> {
  return openStore(disk, { logger });
}

function flip(file: string, at: number): void {
  const bytes = files.bytes(file);
  bytes[at]! ^= 0x10;
  files.put(file, bytes);
}

/** The bodies of all queues, also of those that a damaged record has made up. */
async function everything(store: MessageStore): Promise<string[]> {
  const found: string[] = [];
  for (const { topic, queueIds } of store.topics()) {
    for (const queueId of queueIds) {
      const from = store.minOffset(topic, queueId);
      for (let at = from; at < store.maxOffset(topic, queueId);) {
        const read = await store.get({ topic, queueId, queueOffset: at, maxCount: 1, maxBytes: 1 });
        for (const record of read.buffers) {
          const { bodyAt, bodyBytes } = readRecordHeader(record);
          found.push(record.toString('utf8', bodyAt, bodyAt + bodyBytes));
        }
        at = read.nextBeginOffset;
      }
    }
  }
  return found;
}

function quarantined(): string[] {
  return files.list(QUARANTINE);
}

describe('a bit flip in the middle of the last segment', () => {
  it('ends the log there, keeps its segment whole, says so, and lets the log go on behind it', async () => {
    const sent = numbered(8);
    const results = await leave(sent);
    const damaged = results[5]!;
    const at = damaged.commitLogOffset + 300;
    flip(commitLogFile(), at);
    const before = files.bytes(commitLogFile());

    let store = await reopen();
    expect(await bodies(store)).toEqual(sent.slice(0, 5));
    const { commitLogOffset } = damaged;
    const covered = before.toString('hex', commitLogOffset, commitLogOffset + 8);
    const name = `${path.basename(commitLogFile())}.damaged-at-${commitLogOffset}.was-${covered}`;
    expect(quarantined()).toEqual([name]);
    const kept = files.bytes(path.join(QUARANTINE, name));
    kept.write(covered, commitLogOffset, 'hex');
    expect(kept.equals(before)).toBe(true);
    expect(store.damage).toEqual({
      commitLogOffset,
      segment: commitLogFile(),
      messageCount: 2,
      quarantined: [path.join(QUARANTINE, name)],
      endOffset: SEGMENT_BYTES,
    });
    expect(logger.entries.filter(({ level }) => level === 'error')).toMatchObject([
      {
        message: 'the CommitLog is damaged, and messages from there on are not served',
        fields: { segment: commitLogFile(), commitLogOffset, messagesBehindInSegment: 2 },
      },
      { message: expect.stringContaining('kept in quarantine') },
    ]);

    const next = await store.append(message('next'));
    expect(next).toMatchObject({ commitLogOffset: SEGMENT_BYTES, queueOffset: 5 });
    for (const isClosed of [false, true, false]) {
      if (isClosed) await store.close();
      else files.killProcess();
      store = await reopen();
      expect(await bodies(store)).toEqual([...sent.slice(0, 5), 'next']);
      expect(store.damage).toBeUndefined();
      expect(quarantined()).toEqual([name]);
    }
    await store.close();
  });

  it('at whatever byte loses nothing: what is not served is in quarantine', async () => {
    const sent = ['one', 'the second, which is damaged', 'three', 'four'];
    const results = await leave(sent);
    const whole = files.bytes(commitLogFile());
    const { commitLogOffset, sizeBytes } = results[1]!;
    const outcomes = { harmless: 0, kept: 0 };
    for (let at = 0; at < sizeBytes; at++) {
      files = new FaultyFiles();
      files.put(ABORT, Buffer.alloc(0));
      files.put(commitLogFile(), whole);
      flip(commitLogFile(), commitLogOffset + at);
      const store = await reopen();
      const served = store.maxCommitLogOffset;
      if (quarantined().length === 0) {
        // Of the fields before the body only some can be checked.
        expect(await everything(store)).toEqual(expect.arrayContaining(['three', 'four']));
        expect({ at, served }).toEqual({
          at,
          served: results[3]!.commitLogOffset + results[3]!.sizeBytes,
        });
        outcomes.harmless++;
      } else {
        expect({ at, bodies: await bodies(store) }).toEqual({ at, bodies: ['one'] });
        expect({ at, count: store.damage?.messageCount }).toEqual({ at, count: 2 });
        outcomes.kept++;
      }
      await store.close();
    }
    expect(outcomes.kept).toBeGreaterThan(40);
  });

  it('is told from a torn tail, which is cut and leaves nothing behind', async () => {
    const results = await leave(numbered(8));
    flip(commitLogFile(), results[7]!.commitLogOffset + 300);
    const store = await reopen();
    expect(await readAll(store)).toHaveLength(7);
    expect(quarantined()).toEqual([]);
    expect((await store.append(message('next'))).commitLogOffset).toBe(results[7]!.commitLogOffset);
    await store.close();
  });

  it('cannot be a torn tail in the last record of a store that was closed, which is kept', async () => {
    const sent = numbered(5);
    const results = await leave(sent, true);
    const { commitLogOffset, sizeBytes } = results[4]!;
    flip(commitLogFile(), commitLogOffset + 300);
    const before = files.bytes(commitLogFile());
    let store = await reopen();
    expect(await bodies(store)).toEqual(sent.slice(0, 4));
    expect(store.damage).toMatchObject({ commitLogOffset, messageCount: 0 });
    const [name] = quarantined();
    expect(name).toContain(`.damaged-at-${commitLogOffset}.was-`);
    const kept = files.bytes(path.join(QUARANTINE, name!));
    const behindHead = [commitLogOffset + 8, commitLogOffset + sizeBytes] as const;
    expect(kept.subarray(...behindHead).equals(before.subarray(...behindHead))).toBe(true);
    expect(await store.append(message('next'))).toMatchObject({ queueOffset: 4 });
    await store.close();
    store = await reopen();
    expect(await bodies(store)).toEqual([...sent.slice(0, 4), 'next']);
    expect(store.damage).toBeUndefined();
    await store.close();
  });

  it('nor can it be in the only record of its segment', async () => {
    const sent = numbered(PER_SEGMENT + 1);
    await leave(sent, true);
    flip(commitLogFile(SEGMENT_BYTES), 300);
    const before = files.bytes(commitLogFile(SEGMENT_BYTES));
    const store = await reopen();
    expect(await bodies(store)).toEqual(sent.slice(0, PER_SEGMENT));
    const [name] = quarantined();
    expect(name).toBe(path.basename(commitLogFile(SEGMENT_BYTES)));
    expect(files.bytes(path.join(QUARANTINE, name!)).equals(before)).toBe(true);
    await store.close();
  });

  it('in the first record of the segment, or a sector that reads as zeros, is no other case', async () => {
    const sent = numbered(PER_SEGMENT + 4);
    const results = await leave(sent);
    const bytes = files.bytes(commitLogFile(SEGMENT_BYTES));
    bytes.fill(0, 0, 512);
    files.put(commitLogFile(SEGMENT_BYTES), bytes);
    const store = await reopen();
    expect(await bodies(store)).toEqual(sent.slice(0, PER_SEGMENT));
    expect(quarantined()).toEqual([path.basename(commitLogFile(SEGMENT_BYTES))]);
    expect(files.bytes(path.join(QUARANTINE, quarantined()[0]!)).equals(bytes)).toBe(true);
    const next = await store.append(message('next'.padEnd(1000)));
    expect(next.commitLogOffset).toBe(results[PER_SEGMENT]!.commitLogOffset);
    await store.close();
  });

  it('of a body that is full of records that belong elsewhere counts none of these', async () => {
    const first = await leave(['in the body of another']);
    const record = files.bytes(commitLogFile()).subarray(0, first[0]!.sizeBytes);
    files = new FaultyFiles();
    const store = await openStore(files);
    await store.append(message('one'));
    const second = await store.append(
      message(Buffer.concat(Array.from({ length: 20 }, () => record))),
    );
    files.killProcess();
    flip(commitLogFile(), second.commitLogOffset + 100);
    const again = await reopen();
    expect(await bodies(again)).toEqual(['one']);
    expect(again.damage).toBeUndefined();
    await again.close();
  });
});

describe('damage with segments behind it', () => {
  const sent = numbered(3 * PER_SEGMENT + 2);

  async function leaveDamaged(): Promise<AppendResult> {
    const results = await leave(sent);
    files.remove(CHECKPOINT);
    const damaged = results[PER_SEGMENT + 5]!;
    flip(commitLogFile(SEGMENT_BYTES), damaged.commitLogOffset - SEGMENT_BYTES + 200);
    return damaged;
  }

  it('keeps every one of them', async () => {
    const { commitLogOffset } = await leaveDamaged();
    const behind = [2, 3].map((index) => files.bytes(commitLogFile(index * SEGMENT_BYTES)));
    const store = await reopen();
    expect(await bodies(store)).toEqual(sent.slice(0, PER_SEGMENT + 5));
    const names = quarantined();
    expect(names).toEqual([
      expect.stringMatching(`^0+16384\\.damaged-at-${commitLogOffset}\\.was-`),
      path.basename(commitLogFile(2 * SEGMENT_BYTES)),
      path.basename(commitLogFile(3 * SEGMENT_BYTES)),
    ]);
    for (const [index, bytes] of behind.entries()) {
      expect(files.bytes(path.join(QUARANTINE, names[index + 1]!)).equals(bytes)).toBe(true);
    }
    // A second time at the same offsets takes other names.
    for (const body of numbered(PER_SEGMENT + 1)) await store.append(message(body));
    files.killProcess();
    files.remove(CHECKPOINT);
    files.put(ABORT, Buffer.alloc(0));
    flip(commitLogFile(), 300);
    const again = await reopen();
    expect(await bodies(again)).toEqual([]);
    expect(quarantined()).toHaveLength(7);
    await again.close();
  });

  it.each<Death>(['kill', 'power'])(
    'may be interrupted anywhere (%s): it is done again, and nothing is lost',
    async (death) => {
      let at = 0;
      for (let isOver = false; !isOver;) {
        at++;
        files = new FaultyFiles(at);
        await leaveDamaged();
        const behind = files.bytes(commitLogFile(2 * SEGMENT_BYTES));
        const dying = new DyingFiles(files, { at, death, tear: ({ length }) => length >> 1 });
        const opened = await reopen(dying.process()).catch(() => undefined);
        await Promise.allSettled([opened?.close()]);
        isOver = !dying.isDead;
        files.killProcess();
        const store = await reopen();
        expect({ at, served: await bodies(store) }).toEqual({
          at,
          served: sent.slice(0, PER_SEGMENT + 5),
        });
        const names = quarantined();
        expect(names.filter((name) => name.includes('damaged-at'))).toHaveLength(1);
        const second = names.find(
          (name) => name === path.basename(commitLogFile(2 * SEGMENT_BYTES)),
        );
        expect({ at, isKept: files.bytes(path.join(QUARANTINE, second!)).equals(behind) }).toEqual({
          at,
          isKept: true,
        });
        expect(await store.append(message('next'))).toMatchObject({
          queueOffset: PER_SEGMENT + 5,
          commitLogOffset: 2 * SEGMENT_BYTES,
        });
        await store.close();
      }
      expect(at).toBeGreaterThan(15);
    },
  );
});

describe('damage in what the checkpoint vouches for, when the queues are rebuilt', () => {
  const sent = numbered(3 * PER_SEGMENT + 2);
  const DAMAGED = PER_SEGMENT + 5;
  const served = sent.filter((_, index) => index !== DAMAGED);

  /** At `at` of the message's record: its size is at 0, its body at 200. */
  async function leaveDamaged(at: number): Promise<void> {
    const results = await leave(sent, true);
    const { commitLogOffset } = results[DAMAGED]!;
    flip(commitLogFile(SEGMENT_BYTES), commitLogOffset - SEGMENT_BYTES + at);
    files.removeTree(path.join(ROOT, 'consumequeue'));
  }

  it.each([
    ['size', 0],
    ['size, which becomes another possible one', 2],
    ['body', 200],
  ])('costs the message whose %s it is in, and nothing behind it', async (_, at) => {
    await leaveDamaged(at);
    for (let start = 0; start < 2; start++) {
      const store = await reopen();
      expect(await everything(store)).toEqual(served);
      expect(store.maxOffset('TopicA', 0)).toBe(sent.length);
      expect(quarantined()).toEqual([]);
      await store.close();
    }
    expect(logger.messages('error')).toContain(
      'the CommitLog is damaged, and the messages in that stretch are lost',
    );
  });

  it('to the end of its segment costs what is there', async () => {
    await leaveDamaged(200);
    const bytes = files.bytes(commitLogFile(SEGMENT_BYTES));
    files.put(commitLogFile(SEGMENT_BYTES), bytes.fill(0, 8000));
    const store = await reopen();
    const found = await everything(store);
    const lost = sent.filter((body) => !found.includes(body)).map((body) => sent.indexOf(body));
    expect(lost[0]).toBe(DAMAGED);
    expect(lost.at(-1)).toBe(2 * PER_SEGMENT - 1);
    expect(found).toEqual(sent.filter((_, index) => !lost.includes(index)));
    expect(await store.append(message('next'))).toMatchObject({ queueOffset: sent.length });
    await store.close();
  });

  it('may cost more messages of a queue than one damaged record could', async () => {
    const options = { commitLogSegmentBytes: 2 ** 22, consumeQueueEntriesPerFile: 50_000 };
    const store = await openStore(files, { ...options, flushDiskType: 'ASYNC_FLUSH' });
    let last: AppendResult | undefined;
    while ((last?.commitLogOffset ?? 0) < 3.2 * 2 ** 22) {
      const batch = Array.from({ length: 1000 }, () => store.append(message('m')));
      last = (await Promise.all(batch)).at(-1)!;
    }
    await store.close();
    for (const index of [1, 2]) files.put(commitLogFile(index * 2 ** 22), Buffer.alloc(2 ** 22));
    files.removeTree(path.join(ROOT, 'consumequeue'));
    const rebuilt = await openStore(files, { ...options, logger });
    expect(last!.queueOffset).toBeGreaterThan(2 * 65_536);
    expect(rebuilt.maxOffset('TopicA', 0)).toBe(last!.queueOffset + 1);
    const [found] = await readAll(rebuilt, 'TopicA', 0, last!.queueOffset);
    expect(found).toMatchObject({ queueOffset: last!.queueOffset });
    await rebuilt.close();
  }, 120_000);

  it.each<Death>(['kill', 'power'])(
    'may be met again after an interruption anywhere (%s)',
    async (death) => {
      let at = 0;
      for (let isOver = false; !isOver;) {
        at++;
        files = new FaultyFiles(at);
        await leaveDamaged(200);
        const dying = new DyingFiles(files, { at, death, tear: ({ length }) => length >> 1 });
        const opened = await reopen(dying.process()).catch(() => undefined);
        await Promise.allSettled([opened?.close()]);
        isOver = !dying.isDead;
        files.killProcess();
        const store = await reopen();
        expect({ at, served: await everything(store) }).toEqual({ at, served });
        expect(quarantined()).toEqual([]);
        await store.close();
      }
      expect(at).toBeGreaterThan(10);
    },
  );
});

describe('damage in what was flushed, where the checkpoint does not lead to a whole record', () => {
  const sent = numbered(3 * PER_SEGMENT + 2);
  const DAMAGED = PER_SEGMENT + 5;
  const later = ['later', 'later still'];
  const served = [...sent.filter((_, index) => index !== DAMAGED), ...later];

  /** In the size of a record. Of a second life, so that what the first one flushed is known. */
  async function leaveDamaged(isClosed: boolean): Promise<AppendResult[]> {
    const results = await leave(sent, true);
    const store = await openStore(files.process());
    for (const body of later) results.push(await store.append(message(body)));
    if (isClosed) await store.close();
    else files.killProcess();
    flip(commitLogFile(SEGMENT_BYTES), results[DAMAGED]!.commitLogOffset - SEGMENT_BYTES);
    return results;
  }

  function patchCheckpoint(change: (page: Buffer) => void): void {
    const page = files.bytes(CHECKPOINT);
    change(page);
    files.put(CHECKPOINT, page);
  }

  const damages: [string, () => void][] = [
    ['is gone', () => files.remove(CHECKPOINT)],
    ['is all zeros', () => patchCheckpoint((page) => page.fill(0))],
    ['lost its middle', () => patchCheckpoint((page) => page.fill(0, 2048, 2560))],
    ['has a flipped bit in its hint', () => patchCheckpoint((page) => (page[2058]! ^= 4))],
    ['lost its middle and its times', () => patchCheckpoint((page) => page.fill(0xff, 0, 2560))],
  ];

  it.each(damages)('costs one message after a crash when it %s', async (_, damage) => {
    for (const isRebuild of [false, true]) {
      files = new FaultyFiles();
      await leaveDamaged(false);
      damage();
      if (isRebuild) files.removeTree(path.join(ROOT, 'consumequeue'));
      for (let start = 0; start < 2; start++) {
        const store = await reopen();
        expect({ isRebuild, found: await everything(store) }).toEqual({ isRebuild, found: served });
        expect(quarantined()).toEqual([]);
        files.killProcess();
      }
    }
  });

  it.each(damages)('and after a clean end when it %s', async (_, damage) => {
    for (const isRebuild of [false, true]) {
      files = new FaultyFiles();
      await leaveDamaged(true);
      damage();
      if (isRebuild) files.removeTree(path.join(ROOT, 'consumequeue'));
      const store = await reopen();
      expect({ isRebuild, found: await everything(store) }).toEqual({ isRebuild, found: served });
      expect(quarantined()).toEqual([]);
      await store.close();
    }
  });

  it('costs no other when only the times of the checkpoint are impossible', async () => {
    await leaveDamaged(true);
    patchCheckpoint((page) => page.fill(0xff, 0, 24));
    const store = await reopen();
    expect(store.stats.recoveredRecords).toBe(1);
    expect(await everything(store)).toEqual(served);
    await store.close();
  });

  it.each<Death>(['kill', 'power'])(
    'may be met again after an interruption anywhere (%s)',
    async (death) => {
      for (const isClosed of [true, false]) {
        let at = 0;
        for (let isOver = false; !isOver;) {
          at++;
          files = new FaultyFiles(at);
          await leaveDamaged(isClosed);
          files.remove(CHECKPOINT);
          await files.syncDirectory(ROOT);
          files.removeTree(path.join(ROOT, 'consumequeue'));
          const dying = new DyingFiles(files, { at, death, tear: ({ length }) => length >> 1 });
          const opened = await reopen(dying.process()).catch(() => undefined);
          await Promise.allSettled([opened?.close()]);
          isOver = !dying.isDead;
          files.killProcess();
          const store = await reopen();
          const found = await everything(store);
          expect({ isClosed, at, found }).toEqual({ isClosed, at, found: served });
          expect(quarantined()).toEqual([]);
          await store.close();
        }
        expect(at).toBeGreaterThan(10);
      }
    },
  );

  /** `at` of the record's bytes. */
  function flipNamed(results: AppendResult[], at: number): AppendResult {
    const named = results[sent.length - 1]!;
    flip(commitLogFile(3 * SEGMENT_BYTES), named.commitLogOffset - 3 * SEGMENT_BYTES + at);
    return named;
  }

  it('costs that record only, and none behind it, when it is the one that the checkpoint names', async () => {
    flipNamed(await leaveDamaged(false), 200);
    files.removeTree(path.join(ROOT, 'consumequeue'));
    const store = await reopen();
    expect(await everything(store)).toEqual(served.filter((body) => body !== sent.at(-1)));
    expect(quarantined()).toEqual([]);
    await store.close();
  });

  it('ends the log, and is no tear, when it is in the size of the one that the checkpoint names', async () => {
    const { commitLogOffset } = flipNamed(await leaveDamaged(false), 2);
    const store = await reopen();
    expect(await everything(store)).toEqual(served.slice(0, sent.length - 2));
    expect(store.damage).toMatchObject({ commitLogOffset, messageCount: later.length });
    await store.close();
  });

  it('is passed at the end of a segment, too', async () => {
    const results = await leave(sent.slice(0, PER_SEGMENT), true);
    const store = await openStore(files.process());
    for (const body of sent.slice(PER_SEGMENT)) await store.append(message(body));
    files.killProcess();
    flip(commitLogFile(), results[PER_SEGMENT - 1]!.commitLogOffset + 200);
    files.removeTree(path.join(ROOT, 'consumequeue'));
    const again = await reopen();
    expect(await everything(again)).toEqual(sent.filter((_, index) => index !== PER_SEGMENT - 1));
    await again.close();
  });
});

it('the record that the checkpoint names is kept when it is damaged, and the last one', async () => {
  const sent = numbered(5);
  const results = await leave(sent, true);
  const { commitLogOffset } = results[4]!;
  await openStore(files.process());
  files.killProcess();
  flip(commitLogFile(), commitLogOffset + 300);
  const store = await reopen();
  expect(await bodies(store)).toEqual(sent.slice(0, 4));
  expect(store.damage).toMatchObject({ commitLogOffset, messageCount: 0 });
  expect(quarantined()).toEqual([expect.stringContaining(`.damaged-at-${commitLogOffset}.was-`)]);
  await store.close();
});

it.each([
  ['an older one was put back', (older: Buffer) => files.put(commitLogFile(), older)],
  [
    'it was removed, with its queues,',
    () => {
      files.removeTree(path.join(ROOT, 'commitlog'));
      files.removeTree(path.join(ROOT, 'consumequeue'));
    },
  ],
])('nothing vouches for what is written where a log was flushed before %s', async (_, replace) => {
  const sent = numbered(12);
  await leave(sent.slice(0, 5), true);
  const older = files.bytes(commitLogFile());
  files = new FaultyFiles();
  const results = await leave(sent, true);
  replace(older);
  // Whatever is saved would say so again, and rightly.
  files.failNext('write', { path: 'checkpoint', code: 'EIO' });
  const store = await openStore(files.process(), { flushDiskType: 'ASYNC_FLUSH', logger });
  const there = await bodies(store);
  for (const body of sent.slice(there.length)) await store.append(message(body));
  files.killProcess();
  // As a power cut may leave what was not flushed: one page is lost, and later ones are not.
  const torn = files.bytes(commitLogFile());
  const { commitLogOffset } = results[6]!;
  files.put(commitLogFile(), torn.fill(0, commitLogOffset, commitLogOffset + 500));
  const again = await reopen();
  expect(await bodies(again)).toEqual(sent.slice(0, 6));
  await again.close();
});

it('what an original has left behind the end of a log that it had cut is not taken for what it flushed', async () => {
  const before = numbered(8);
  await leave(before, true);
  const uncut = files.bytes(commitLogFile());
  files = new FaultyFiles();
  // Cut behind the third message, by a power cut, and closed well after two more.
  const sent = [...before.slice(0, 3), 'new', 'newest'];
  const { commitLogOffset, sizeBytes } = (await leave(sent, true)).at(-1)!;
  const log = files.bytes(commitLogFile());
  uncut.copy(log, commitLogOffset + sizeBytes, commitLogOffset + sizeBytes);
  files.put(commitLogFile(), log);
  files.remove(CHECKPOINT);
  files.removeTree(QUARANTINE);
  const store = await reopen();
  expect(await bodies(store)).toEqual(sent);
  expect(store.damage).toMatchObject({ commitLogOffset: commitLogOffset + sizeBytes });
  await store.close();
});

it('a log that ends before the record its checkpoint names is said to have lost messages', async () => {
  const results = await leave(numbered(PER_SEGMENT + 3), true);
  files.put(commitLogFile(SEGMENT_BYTES), Buffer.alloc(SEGMENT_BYTES));
  await (await reopen()).close();
  const said = logger.entries.filter(({ message: text }) => text.includes('messages are lost'));
  const flushedTo = results.at(-1)!.commitLogOffset;
  expect(said).toMatchObject([{ level: 'error', fields: { flushedTo } }]);
});

it('what is set aside is written again, too, where an fsync failed that nobody could note', async () => {
  const sent = numbered(3 * PER_SEGMENT);
  for (let seed = 1; seed <= 10; seed++) {
    files = new FaultyFiles(seed);
    const store = await openStore(files.process(), { flushDiskType: 'ASYNC_FLUSH' });
    const results: AppendResult[] = [];
    for (const body of sent) results.push(await store.append(message(body)));
    const segments = [0, 1, 2].map((index) => commitLogFile(index * SEGMENT_BYTES));
    for (const segment of segments) {
      files.failNext('datasync', { path: segment, code: 'EIO' });
      await expect(files.open(segment, 'write').datasync()).rejects.toThrow('EIO');
    }
    // One page only is dirty again.
    const { commitLogOffset } = results[2]!;
    files.open(commitLogFile(), 'write').write(Buffer.from([0xff]), commitLogOffset + 300);
    files.killProcess();
    const kept = segments.map((segment) => files.bytes(segment));

    const again = await reopen();
    expect(await bodies(again)).toEqual(sent.slice(0, 2));
    files.cutPower();
    const names = quarantined();
    expect(names).toHaveLength(3);
    const [damaged, ...behind] = names.map((name) => files.bytes(path.join(QUARANTINE, name)));
    const from = results[3]!.commitLogOffset;
    expect(damaged!.subarray(from).equals(kept[0]!.subarray(from))).toBe(true);
    expect(behind.map((bytes, index) => bytes.equals(kept[index + 1]!))).toEqual([true, true]);
  }
});

describe('a file system without hard links', () => {
  it('gets a copy', async () => {
    const results = await leave(numbered(8));
    const { commitLogOffset } = results[5]!;
    flip(commitLogFile(), commitLogOffset + 300);
    const before = files.bytes(commitLogFile());
    files.failNext('link', { code: 'EPERM' });
    const store = await openStore(files, { logger });
    expect(await readAll(store)).toHaveLength(5);
    expect(files.bytes(path.join(QUARANTINE, quarantined()[0]!)).equals(before)).toBe(true);
    await store.close();
  });

  it('that is too full for a copy keeps the store from opening, and the segment as it is', async () => {
    const results = await leave(numbered(8));
    flip(commitLogFile(), results[5]!.commitLogOffset + 300);
    const before = files.bytes(commitLogFile());
    files.failNext('link', { code: 'EPERM' });
    files.failNext('write', { path: 'quarantine', code: 'ENOSPC', afterBytes: 1000 });
    await expect(openStore(files, { logger })).rejects.toThrow('ENOSPC');
    expect(files.bytes(commitLogFile()).equals(before)).toBe(true);
    expect(quarantined()).toEqual([]);
    const store = await reopen();
    expect(await readAll(store)).toHaveLength(5);
    await store.close();
  });
});

describe('damage that no recovery walks over', () => {
  it('of a record’s head costs that message only, and is said once', async () => {
    const sent = numbered(2 * PER_SEGMENT);
    const results = await leave(sent, true);
    // Its own commitLogOffset.
    flip(commitLogFile(), results[3]!.commitLogOffset + 30);
    const store = await openStore(files, { logger, recentBytes: 1000 });
    const holes: number[] = [];
    store.onHole(({ queueOffset }) => holes.push(queueOffset));
    for (let reader = 0; reader < 2; reader++) {
      const got: number[] = [];
      const statuses = new Set<string>();
      for (let at = 0; at < sent.length;) {
        const found = await store.get({
          topic: 'TopicA',
          queueId: 0,
          queueOffset: at,
          maxCount: 32,
          maxBytes: 1 << 20,
        });
        statuses.add(found.status);
        for (let index = 0; index < found.count; index++) got.push(at + index);
        at = found.nextBeginOffset;
      }
      expect(got).toEqual(sent.map((_, index) => index).filter((index) => index !== 3));
      expect([...statuses]).toEqual(['FOUND', 'OFFSET_FOUND_NULL']);
    }
    expect(holes).toEqual([3]);
    expect(logger.entries.filter(({ level }) => level === 'error')).toEqual([
      {
        level: 'error',
        message: 'a message is damaged on disk, and passed over',
        fields: {
          topic: 'TopicA',
          queueId: 0,
          queueOffset: 3,
          commitLogOffset: results[3]!.commitLogOffset,
        },
      },
    ]);
    await store.close();
  });
});

describe('a queueOffset, which has no CRC, with a flipped bit', () => {
  const sent = numbered(45);
  const LOWEST = 27;

  /** Of a rebuild, or of a start from the checkpoint that was there when `from` messages were. */
  async function leaveFlipped(index: number, mask: number, from = 0): Promise<void> {
    let store = await openStore(files);
    const results: AppendResult[] = [];
    for (const [at, body] of sent.entries()) {
      if (at === from) {
        await store.close();
        store = await openStore(files.process());
      }
      results.push(await store.append(message(body)));
    }
    await store.flush();
    files.killProcess();
    if (from === 0) files.removeTree(path.join(ROOT, 'consumequeue'));
    const { commitLogOffset } = results[index]!;
    const base = commitLogOffset - (commitLogOffset % SEGMENT_BYTES);
    const bytes = files.bytes(commitLogFile(base));
    bytes[commitLogOffset - base + LOWEST]! ^= mask;
    files.put(commitLogFile(base), bytes);
  }

  async function numbersServed(): Promise<number[]> {
    const store = await reopen();
    const served: number[] = [];
    for (let at = store.minOffset('TopicA', 0); at < store.maxOffset('TopicA', 0);) {
      const request = { topic: 'TopicA', queueId: 0, queueOffset: at, maxCount: 1, maxBytes: 1 };
      const { buffers, nextBeginOffset } = await store.get(request);
      for (const record of buffers) {
        const { bodyAt, bodyBytes } = readRecordHeader(record);
        served.push(Number.parseInt(record.toString('utf8', bodyAt, bodyAt + bodyBytes), 10));
      }
      at = nextBeginOffset;
    }
    await store.close();
    return served;
  }

  const all = sent.map((_, index) => index);

  it.each([
    ['down, in the middle', 40, 0x20],
    ['down, in the middle, far', 43, 0x28],
    ['up, in the middle', 20, 0x20],
    ['up, at the beginning', 0, 0x20],
    ['up, to the next one', 30, 0x01],
  ])('%s of a log whose queues are rebuilt costs its own message only', async (_, index, mask) => {
    await leaveFlipped(index, mask);
    for (let start = 0; start < 2; start++) {
      expect(await numbersServed()).toEqual(all.filter((each) => each !== index));
    }
    expect(logger.entries.filter(({ level }) => level === 'error')).not.toEqual([]);
  });

  it.each([
    ['the first that is walked over', 40],
    ['the second', 41],
    ['one in the middle', 42],
  ])('down, of %s behind a checkpoint, takes no entry of before along', async (_, index) => {
    await leaveFlipped(index, 0x20, 40);
    const served = await numbersServed();
    expect(served.filter((each) => each !== index)).toEqual(all.filter((each) => each !== index));
    expect(logger.messages('error')).toContain(
      'a record says the queueOffset of another one, and gets no entry',
    );
  });
});

it('a hole in a queue does not hide what is before it when the log no longer begins at 0', async () => {
  for (let hole = PER_SEGMENT + 1; hole < 3 * PER_SEGMENT + 1; hole++) {
    files = new FaultyFiles();
    const results = await leave(numbered(3 * PER_SEGMENT + 2));
    files.remove(CHECKPOINT);
    const { commitLogOffset } = results[hole]!;
    const base = commitLogOffset - (commitLogOffset % SEGMENT_BYTES);
    const bytes = files.bytes(commitLogFile(base));
    // Its queueId: it belongs to another queue then.
    bytes[commitLogOffset - base + 15]! ^= 1;
    files.put(commitLogFile(base), bytes);
    await (await reopen()).close();
    files.remove(commitLogFile());
    const store = await reopen();
    expect({ hole, minOffset: store.minOffset('TopicA', 0) }).toEqual({
      hole,
      minOffset: PER_SEGMENT,
    });
    await store.close();
  }
});

it('a full disk with damage in its tail is no reason not to open', async () => {
  const sent = numbered(8);
  const results = await leave(sent);
  flip(commitLogFile(), results[5]!.commitLogOffset + 300);
  const disk = files.process();
  const makeDirectory = disk.makeDirectory.bind(disk);
  disk.makeDirectory = (directory) => {
    const isNew = !disk.listDirectories(ROOT).includes('quarantine');
    if (directory === QUARANTINE && isNew) {
      throw Object.assign(new Error('ENOSPC: mkdir'), { code: 'ENOSPC' });
    }
    makeDirectory(directory);
  };
  const store = await reopen(disk);
  expect(await bodies(store)).toEqual(sent.slice(0, 5));
  expect(quarantined()).toHaveLength(1);
  await store.close();
});
