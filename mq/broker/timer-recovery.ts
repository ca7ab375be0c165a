import path from 'node:path';
import type { Logger } from '../logger.ts';
import { readRecordHeader } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import { decodeEntry, ENTRY_BYTES, isRealEntry, type QueueEntry } from '../store/consume-queue.ts';
import { findProperty, PropertyKey } from '../protocol/properties.ts';
import type { Files } from '../store/files.ts';
import type { MessageStore } from '../store/message-store.ts';
import { readTimerCheckpoint } from '../store/timer-checkpoint.ts';
import { decodeTimerCode, timerEntryOf, type TimerEntry } from '../store/timer-entry.ts';
import { TimerHeap } from '../store/timer-heap.ts';
import { readTimerJournal, timerJournals } from '../store/timer-journal.ts';
import { readTimerSnapshot, type TimerPairs, type TimerSnapshot } from '../store/timer-snapshot.ts';
import { TimerTable } from './timer-table.ts';

const QUEUE_ID = 0;
/** ConsumeQueue entries between two turns of the event loop. */
const ENTRIES_PER_SLICE = 50_000;

/** An original stores no message anew that waits for less. */
const SHORTEST_ROLL_MS = 60_000;

export interface TimerRecoveryOptions {
  readonly store: Pick<
    MessageStore,
    'entries' | 'readRecord' | 'minOffset' | 'maxOffset' | 'maxCommitLogOffset' | 'isCut'
  >;
  readonly files: Files;
  readonly rootDir: string;
  readonly logger: Logger;
}

/** Everything that waits, as the files say. */
export interface RecoveredTimers {
  readonly table: TimerTable;
  /** queueOffsets of the recalls that may still meet their message, by when they are due. */
  readonly recalls: TimerHeap;
  /** The first entry that is not in here. */
  readonly nextQueueOffset: number;
  /** What the steady clock showed when it was last noted. */
  readonly steadyMs: number;
  /** For the next snapshot; no journal has it yet. */
  readonly nextGeneration: number;
  /** Files say what is no longer so: a new snapshot has to replace them before anything is appended. */
  readonly needsSnapshot: boolean;
  /** There is something to save, and no snapshot that was. */
  readonly lacksSnapshot: boolean;
}

/** `timers/` below the root of the store. */
export function timersDirectory(rootDir: string): string {
  return path.join(rootDir, 'timers');
}

/** What only an original has, a directory and a file, and makes anew from rmq_sys_wheel_timer. */
export function removeOriginalTimers(files: Files, rootDir: string): void {
  files.removeTree(path.join(rootDir, 'timerlog'));
  files.remove(path.join(rootDir, 'timerwheel'));
}

function hasOriginalTimers(files: Files, rootDir: string): boolean {
  return (
    files.listDirectories(rootDir).includes('timerlog') ||
    files.sizeOf(path.join(rootDir, 'timerwheel')) !== undefined
  );
}

/**
 * Finds out what waits: the snapshot, less what the journals say is done, and the entries of rmq_sys_wheel_timer since.
 *
 * Reads no message that we parked, however many there are. Without a snapshot of ours, or after an original had the
 * directory, all entries are gone through, and what was due by the original's checkpoint counts as delivered.
 */
export async function recoverTimers(options: TimerRecoveryOptions): Promise<RecoveredTimers> {
  const { store, files, rootDir, logger } = options;
  const directory = timersDirectory(rootDir);
  const hadOriginal = hasOriginalTimers(files, rootDir);
  const generations = timerJournals(files, directory);
  const snapshot = hadOriginal ? undefined : readTimerSnapshot(files, directory);
  const minOffset = store.minOffset(SystemTopic.TIMER, QUEUE_ID);
  const maxOffset = store.maxOffset(SystemTopic.TIMER, QUEUE_ID);
  const journal = readJournals(options, hadOriginal ? [] : generations, snapshot, maxOffset);
  const waits = (queueOffset: number): boolean =>
    queueOffset >= minOffset && queueOffset < maxOffset && !journal.done.has(queueOffset);

  const found = {
    relative: new PairList(snapshot?.relative, waits),
    absolute: new PairList(snapshot?.absolute, waits),
  };
  const recalls = await readRecalls(
    options,
    (snapshot?.recalls ?? new Float64Array(0)).filter(
      (queueOffset) => queueOffset >= minOffset && queueOffset < maxOffset,
    ),
  );
  const from = Math.min(Math.max(snapshot?.nextQueueOffset ?? minOffset, minOffset), maxOffset);
  const deliveredBy = snapshot === undefined ? deliveredAt(options) : undefined;
  const rolled = await readEntries(
    options,
    { from, end: maxOffset, hadOriginal },
    ({ dueMs, kind }, queueOffset) => {
      const isDelivered =
        deliveredBy !== undefined && queueOffset < deliveredBy.below && dueMs <= deliveredBy.dueMs;
      if (isDelivered) return;
      if (kind === 'recall') recalls.push(dueMs, queueOffset);
      else if (!journal.done.has(queueOffset)) found[kind].push(dueMs, queueOffset);
    },
  );
  const table = new TimerTable(found.relative.toHeap(), found.absolute.toHeap());
  table.remove(rolled);
  const isCut = (snapshot?.nextQueueOffset ?? 0) > maxOffset;
  if (journal.staleCount > 0 || isCut) {
    logger.warn('timers were delivered that the CommitLog has lost, and are delivered again', {
      count: journal.staleCount,
    });
  }
  if (maxOffset > 0) {
    logger.info('timers recovered', {
      waiting: table.size,
      entriesRead: maxOffset - from,
      hadSnapshot: snapshot !== undefined,
    });
  }
  return {
    table,
    recalls: recalls.toHeap(),
    nextQueueOffset: maxOffset,
    steadyMs: Math.max(snapshot?.steadyMs ?? 0, journal.steadyMs),
    nextGeneration: Math.max(snapshot?.generation ?? 0, generations.at(-1) ?? 0) + 1,
    needsSnapshot: journal.staleCount > 0 || isCut || hadOriginal,
    lacksSnapshot: snapshot === undefined && maxOffset > 0,
  };
}

function readJournals(
  { store, files, rootDir }: TimerRecoveryOptions,
  generations: readonly number[],
  snapshot: TimerSnapshot | undefined,
  maxOffset: number,
): { done: Set<number>; staleCount: number; steadyMs: number } {
  const done = new Set<number>();
  let staleCount = 0;
  let steadyMs = 0;
  for (const generation of generations) {
    if (generation < (snapshot?.generation ?? 0)) continue;
    const journal = readTimerJournal(files, timersDirectory(rootDir), generation);
    steadyMs = Math.max(steadyMs, journal.steadyMs);
    for (const entry of journal.done) {
      const counts =
        entry.copyOffset < store.maxCommitLogOffset &&
        !store.isCut(entry.copyOffset) &&
        entry.queueOffset >= 0 &&
        entry.queueOffset < maxOffset;
      if (counts) done.add(entry.queueOffset);
      else staleCount++;
    }
  }
  return { done, staleCount, steadyMs };
}

/** Without a snapshot: what was delivered as the original counts it, of the entries that had been looked at. */
function deliveredAt({
  files,
  rootDir,
}: TimerRecoveryOptions): { dueMs: number; below: number } | undefined {
  const checkpoint = readTimerCheckpoint(files, rootDir);
  if (checkpoint === undefined) return undefined;
  return { dueMs: checkpoint.lastReadTimeMs, below: checkpoint.masterTimerQueueOffset };
}

/** When those of the snapshot are due; before all others where only the record can tell, as that of an original. */
async function readRecalls(
  { store }: TimerRecoveryOptions,
  queueOffsets: Float64Array,
): Promise<PairList> {
  const recalls = new PairList();
  const ascending = queueOffsets.toSorted();
  const last = ascending.at(-1) ?? 0;
  let from = 0;
  let bytes: Buffer = Buffer.alloc(0);
  for (const queueOffset of ascending) {
    if ((queueOffset - from) * ENTRY_BYTES >= bytes.length) {
      await new Promise((resolve) => setImmediate(resolve));
      from = queueOffset;
      const count = Math.min(ENTRIES_PER_SLICE, last + 1 - from);
      bytes = store.entries(SystemTopic.TIMER, QUEUE_ID, from, count);
    }
    const at = (queueOffset - from) * ENTRY_BYTES;
    const entry = at < bytes.length ? decodeEntry(bytes, at) : undefined;
    const timer = entry && isRealEntry(entry) ? decodeTimerCode(entry.tagsCode) : undefined;
    recalls.push(timer?.dueMs ?? 0, queueOffset);
  }
  return recalls;
}

/**
 * Calls `found` for every timer in `[from, end)`, those whose record had to be read last in each stretch. Returns the
 * queueOffsets of those that an original stored anew later: it keeps no note of them in the queue.
 */
async function readEntries(
  options: TimerRecoveryOptions,
  { from, end, hadOriginal }: { from: number; end: number; hadOriginal: boolean },
  found: (timer: TimerEntry, queueOffset: number) => void,
): Promise<Set<number>> {
  const { store } = options;
  const longTimers = new Map<string, number>();
  const rolled = new Set<number>();
  for (let queueOffset = from; queueOffset < end;) {
    const count = Math.min(ENTRIES_PER_SLICE, end - queueOffset);
    const bytes = store.entries(SystemTopic.TIMER, QUEUE_ID, queueOffset, count);
    if (bytes.length === 0) break;
    const unknown: (QueueEntry & { queueOffset: number })[] = [];
    for (let at = 0; at < bytes.length; at += ENTRY_BYTES, queueOffset++) {
      const entry = decodeEntry(bytes, at);
      if (!isRealEntry(entry)) continue;
      const timer = hadOriginal ? undefined : decodeTimerCode(entry.tagsCode);
      if (timer === undefined) unknown.push({ ...entry, queueOffset });
      else found(timer, queueOffset);
    }
    for (const entry of unknown) {
      const timer = await readTimer(options, entry);
      if (timer === undefined) continue;
      found(timer, entry.queueOffset);
      const before = timer.rollKey === undefined ? undefined : longTimers.get(timer.rollKey);
      if (timer.rollKey !== undefined) longTimers.set(timer.rollKey, entry.queueOffset);
      if (before !== undefined) rolled.add(before);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return rolled;
}

/** Of a message that an original parked; undefined, and logged, when it does not say when. */
async function readTimer(
  { store, logger }: TimerRecoveryOptions,
  { commitLogOffset, sizeBytes }: QueueEntry,
): Promise<(TimerEntry & { rollKey?: string }) | undefined> {
  const record = await store.readRecord(commitLogOffset, sizeBytes);
  const header = record && readRecordHeader(record);
  const properties =
    header &&
    record.toString('utf8', header.propertiesAt, header.propertiesAt + header.propertiesBytes);
  const timer = properties === undefined ? undefined : timerEntryOf(properties);
  if (header === undefined || properties === undefined || timer === undefined) {
    logger.error('a message in rmq_sys_wheel_timer does not say when it is due, and is dropped', {
      commitLogOffset,
    });
    return undefined;
  }
  const msgId = findProperty(properties, PropertyKey.UNIQ_KEY);
  const isLong = timer.dueMs - header.storeTimestamp >= SHORTEST_ROLL_MS;
  const wasRolled = findProperty(properties, PropertyKey.TIMER_ROLL_TIMES) !== undefined;
  if (msgId === undefined || !(isLong || wasRolled)) return timer;
  return { ...timer, rollKey: `${msgId} ${timer.dueMs}` };
}

/** Pairs in typed arrays that grow. */
class PairList {
  #dueMs: Float64Array;
  #queueOffsets: Float64Array;
  #size = 0;

  constructor(pairs?: TimerPairs, waits: (queueOffset: number) => boolean = () => true) {
    this.#dueMs = new Float64Array(pairs?.dueMs.length ?? 0);
    this.#queueOffsets = new Float64Array(this.#dueMs.length);
    if (pairs === undefined) return;
    for (const [index, queueOffset] of pairs.queueOffsets.entries()) {
      if (waits(queueOffset)) this.push(pairs.dueMs[index]!, queueOffset);
    }
  }

  push(dueMs: number, queueOffset: number): void {
    if (this.#size === this.#dueMs.length) this.#grow();
    this.#dueMs[this.#size] = dueMs;
    this.#queueOffsets[this.#size] = queueOffset;
    this.#size++;
  }

  /** The list must not be used any more. */
  toHeap(): TimerHeap {
    return new TimerHeap(this.#dueMs.slice(0, this.#size), this.#queueOffsets.slice(0, this.#size));
  }

  #grow(): void {
    const capacity = Math.max(64, Math.ceil(this.#size * 1.5));
    const dueMs = new Float64Array(capacity);
    const queueOffsets = new Float64Array(capacity);
    dueMs.set(this.#dueMs);
    queueOffsets.set(this.#queueOffsets);
    this.#dueMs = dueMs;
    this.#queueOffsets = queueOffsets;
  }
}
