import type { Logger } from '../logger.ts';
import { decodeRecord, readRecordHeader, type MessageExt } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import type { MessageStore } from '../store/message-store.ts';
import { isHopeless, recordsOf } from './stored-records.ts';
import {
  destinationOf,
  readStoredHalf,
  readStoredOp,
  RESUMED_QUEUE,
  TRANSACTION_QUEUE,
  type OpState,
  type StoredHalf,
} from './transaction-records.ts';
import type { Outcome, Progress } from './transaction-table.ts';

const BATCH_COUNT = 1024;
const BATCH_BYTES = 1024 * 1024;

interface StoredQueue {
  readonly topic: string;
  readonly queueId: number;
}

const HALF_QUEUE = { topic: SystemTopic.TRANSACTION_HALF, queueId: TRANSACTION_QUEUE };
const OP_QUEUE = { topic: SystemTopic.TRANSACTION_OP, queueId: TRANSACTION_QUEUE };
const MARK_QUEUE = { topic: SystemTopic.TRANSACTION_OP, queueId: RESUMED_QUEUE };

/** An op message that a crash kept from being written, behind the record it belongs to. */
export type OwedOp =
  | {
      readonly kind: 'half';
      readonly halfOffset: number;
      readonly id: number;
      readonly state: OpState;
    }
  | { readonly kind: 'resumed'; readonly queueOffset: number };

export interface RecoveredTransactions {
  /** Of each transaction whose outcome is open: its newest half message. */
  readonly open: ReadonlyMap<number, StoredHalf>;
  /** Oldest first. */
  readonly outcomes: readonly { readonly id: number; readonly outcome: Outcome }[];
  /** As TransactionTable.noteOp takes them. */
  readonly ops: readonly { readonly opOffset: number; readonly halfOffset: number }[];
  /** queueOffsets in TRANS_CHECK_MAX_TIME_TOPIC. */
  readonly resumed: ReadonlySet<number>;
  readonly owed: readonly OwedOp[];
  /** Half messages, by queueOffset, that do not say of which transaction they are: an original put them again. */
  readonly adopted: ReadonlyMap<number, number>;
}

export interface TransactionRecoveryOptions {
  readonly store: MessageStore;
  /** From where both queues have to be read; undefined when that is not known, and all is read. */
  readonly progress: Progress | undefined;
  readonly transactionTimeOutMs: number;
  /** Outcomes wanted, newest. */
  readonly maxOutcomes: number;
  readonly logger: Logger;
}

/**
 * What the store says about transactions.
 *
 * Every step of a transaction is one record, or two that were written together, so a crash can only have cut the second
 * of the very last two: a copy without its op message, or a half message put again without the end of the one before.
 * The first record decides then, and the second is owed.
 */
export async function recoverTransactions(
  options: TransactionRecoveryOptions,
): Promise<RecoveredTransactions> {
  const { store, logger } = options;
  const progress = usable(store, options.progress, logger);
  const ended = new Ended();
  const outcomes: { id: number; outcome: Outcome }[] = [];
  const ops: { opOffset: number; halfOffset: number }[] = [];
  const opFrom = Math.max(0, (progress?.op ?? 0) - options.maxOutcomes);
  for await (const op of queueRecords(options, OP_QUEUE, opFrom, readStoredOp)) {
    ended.note(op.halfOffsets, op.ours);
    if (op.ours !== undefined && op.ours.state !== 'MOVED') {
      outcomes.push({ id: op.ours.id, outcome: op.ours.state });
    }
    for (const halfOffset of op.halfOffsets) ops.push({ opOffset: op.queueOffset, halfOffset });
  }

  const halfFrom = progress?.half ?? 0;
  const { open, superseded, adopted } =
    (await readHalves(options, halfFrom, ended)) ??
    (await readHalves(options, halfFrom, ended, new Map()))!;
  const owed: OwedOp[] = superseded.map(({ id, queueOffset }) => {
    return { kind: 'half', halfOffset: queueOffset, id, state: 'MOVED' };
  });

  const resumed = new Set<number>();
  for await (const { halfOffsets } of queueRecords(options, MARK_QUEUE, 0, readStoredOp)) {
    for (const queueOffset of halfOffsets) resumed.add(queueOffset);
  }

  const last = await cutOff(store, open, resumed);
  if (last?.kind === 'half') {
    open.delete(last.id);
    if (last.state !== 'MOVED') outcomes.push({ id: last.id, outcome: last.state });
  }
  if (last?.kind === 'resumed') resumed.add(last.queueOffset);
  if (last !== undefined) owed.push(last);
  return { open, outcomes: outcomes.slice(-options.maxOutcomes), ops, resumed, owed, adopted };
}

interface Halves {
  readonly open: Map<number, StoredHalf>;
  /** Open by their own, but there is a newer one of the same transaction. */
  readonly superseded: StoredHalf[];
  readonly adopted: Map<number, number>;
}

/**
 * An original 4.9 or 5.x puts a checked half message again without saying which one it was. `originals`, by UNIQ_KEY,
 * connects those; it costs memory, so it is only given when the first reading, without it, has met such a message and
 * returned undefined.
 */
async function readHalves(
  options: TransactionRecoveryOptions,
  from: number,
  ended: Ended,
  originals?: Map<string, { readonly id: number; isEnded: boolean }>,
): Promise<Halves | undefined> {
  const open = new Map<number, StoredHalf>();
  const superseded: StoredHalf[] = [];
  const adopted = new Map<number, number>();
  const read = (record: Buffer): StoredHalf => readStoredHalf(record, options.transactionTimeOutMs);
  for await (const stored of queueRecords(options, HALF_QUEUE, from, read)) {
    let half = stored;
    if (originals === undefined && half.isPutAgainByOriginal) return undefined;
    const known = half.isPutAgainByOriginal ? originals?.get(half.uniqKey) : undefined;
    if (known !== undefined) {
      half = { ...half, id: known.id };
      adopted.set(half.queueOffset, known.id);
    }
    const isEnded = ended.has(half) || known?.isEnded === true;
    const before = open.get(half.id);
    // Of two half messages of one transaction the newer counts, whatever became of it.
    if (before !== undefined) {
      superseded.push(before);
      open.delete(half.id);
    }
    if (!isEnded) open.set(half.id, half);
    if (half.uniqKey !== '') originals?.set(half.uniqKey, { id: half.id, isEnded });
  }
  return { open, superseded, adopted };
}

/** Progress beyond the end is of another store, or of one that lost its end: reading all is always right. */
function usable(
  store: MessageStore,
  progress: Progress | undefined,
  logger: Logger,
): Progress | undefined {
  if (progress === undefined) return undefined;
  const half = store.maxOffset(SystemTopic.TRANSACTION_HALF, TRANSACTION_QUEUE);
  const op = store.maxOffset(SystemTopic.TRANSACTION_OP, TRANSACTION_QUEUE);
  if (progress.half <= half && progress.op <= op) return progress;
  logger.warn('progress of transactions lies beyond the end of their queues: reading all of them', {
    progress,
    ends: { half, op },
  });
  return undefined;
}

/** Which half messages op messages have ended. */
class Ended {
  readonly #halfOffsets = new Set<number>();
  /** Of a transaction: half messages up to this queueOffset. */
  readonly #upTo = new Map<number, number>();

  note(halfOffsets: readonly number[], ours: { state: OpState; id: number } | undefined): void {
    for (const halfOffset of halfOffsets) {
      this.#halfOffsets.add(halfOffset);
      // An original names the first half message, also when it has put the message again meanwhile.
      if (ours === undefined) this.#upTo.set(halfOffset, Number.POSITIVE_INFINITY);
      else if (ours.state !== 'MOVED') this.#upTo.set(ours.id, halfOffset);
    }
  }

  has({ id, queueOffset }: StoredHalf): boolean {
    return this.#halfOffsets.has(queueOffset) || (this.#upTo.get(id) ?? -1) >= queueOffset;
  }
}

/** What the last record of the log leaves owed. */
async function cutOff(
  store: MessageStore,
  open: ReadonlyMap<number, StoredHalf>,
  resumed: ReadonlySet<number>,
): Promise<OwedOp | undefined> {
  const at = store.lastRecordOffset;
  const record = at === undefined ? undefined : await store.readRecord(at);
  if (record === undefined) return undefined;
  const { topic, queueId, sysFlag, preparedTransactionOffset: from } = readRecordHeader(record);
  if (topic === SystemTopic.TRANSACTION_OP) return undefined;
  const isDiscarded = topic === SystemTopic.TRANSACTION_CHECK_MAX_TIME;
  const isHalf = topic === SystemTopic.TRANSACTION_HALF;
  const kind = sysFlag & MessageSysFlag.TRANSACTION_MASK;
  if (!isDiscarded && !isHalf && kind !== MessageSysFlag.TRANSACTION_COMMIT) return undefined;

  const before = await originOf(store, from);
  if (before === undefined) return undefined;
  if (isHalf) {
    if (before.topic !== SystemTopic.TRANSACTION_CHECK_MAX_TIME) return undefined;
    const { queueOffset } = before;
    return resumed.has(queueOffset) ? undefined : { kind: 'resumed', queueOffset };
  }
  if (before.topic !== SystemTopic.TRANSACTION_HALF) return undefined;
  const half = [...open.values()].find(({ commitLogOffset }) => commitLogOffset === from);
  if (half === undefined) return undefined;
  // A producer may have sent an ordinary message with these bits, which points to offset 0.
  const destination = destinationOf(before);
  const uniqKey = decodeRecord(record, 0, { verifyCrc: false }).properties.get(
    PropertyKey.UNIQ_KEY,
  );
  if (uniqKey !== before.properties.get(PropertyKey.UNIQ_KEY)) return undefined;
  // A copy may lie in another queue than was asked for, when the topic has become smaller.
  const isInPlace = destination?.queueId === queueId || from > 0;
  if (!isDiscarded && (destination?.topic !== topic || !isInPlace)) return undefined;
  const state = isDiscarded ? 'DISCARDED' : 'COMMITTED';
  return { kind: 'half', halfOffset: half.queueOffset, id: half.id, state };
}

/** Undefined also when it is damaged: it is none of the open half messages then. */
async function originOf(
  store: MessageStore,
  commitLogOffset: number,
): Promise<MessageExt | undefined> {
  const record = await store.readRecord(commitLogOffset);
  try {
    return record && decodeRecord(record, 0, { verifyCrc: false });
  } catch (error) {
    if (!isHopeless(error)) throw error;
    return undefined;
  }
}

/**
 * What `read` makes of the records of a queue, from `from` or its beginning on. Damaged ones are passed over, one by one:
 * what became of their transactions cannot be known, but that of the others can.
 */
async function* queueRecords<T>(
  { store, logger }: TransactionRecoveryOptions,
  { topic, queueId }: StoredQueue,
  from: number,
  read: (record: Buffer) => T,
): AsyncGenerator<T> {
  let queueOffset = Math.max(from, store.minOffset(topic, queueId));
  let damagedCount = 0;
  let cause: unknown;
  for (;;) {
    const found = await store.get({
      topic,
      queueId,
      queueOffset,
      maxCount: BATCH_COUNT,
      maxBytes: BATCH_BYTES,
    });
    for (const record of recordsOf(found.buffers)) {
      let known: T;
      try {
        known = read(record);
      } catch (error) {
        if (!isHopeless(error)) throw error;
        damagedCount++;
        cause ??= error;
        continue;
      }
      yield known;
    }
    if (found.nextBeginOffset <= queueOffset) break;
    if (found.status === 'OFFSET_FOUND_NULL') {
      damagedCount++;
      cause ??= `no record begins where queueOffset ${queueOffset} points to`;
    }
    queueOffset = found.nextBeginOffset;
  }
  if (damagedCount === 0) return;
  logger.error('records of transactions are damaged, and passed over', {
    topic,
    queueId,
    damagedCount,
    first: cause,
  });
}
