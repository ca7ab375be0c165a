import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import { decodeRecord, type MessageExt } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import type { AppendMessage, AppendResult, MessageStore } from '../store/message-store.ts';
import type { ConsumerOffsets } from './consumer-offsets.ts';
import { appendSafely, isInItsQueue } from './stored-records.ts';
import { opMessage, resumedMark, TRANSACTION_QUEUE, type OpState } from './transaction-records.ts';
import type { OwedOp } from './transaction-recovery.ts';
import type { Half, Progress, TransactionTable } from './transaction-table.ts';

/** The consumer group whose offsets are the progress of transactions, as the original names it. */
export const TRANSACTION_GROUP = 'CID_RMQ_SYS_TRANS';
/** Op messages that a crash cut off, written at a time. */
const OWED_AT_ONCE = 32;

export interface TransactionLogDeps {
  readonly store: MessageStore;
  readonly offsets: Pick<ConsumerOffsets, 'query' | 'commit'>;
  readonly storeHost: () => HostAddress;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What transactions write and read: half and op messages, and from where a restart has to read them.
 */
export class TransactionLog {
  readonly #deps: TransactionLogDeps;
  readonly #table: TransactionTable;
  /** Where both queues ended when an append began whose result is not known yet. Oldest first. */
  readonly #appending = new Set<Progress>();
  #owed: readonly OwedOp[] = [];

  constructor(deps: TransactionLogDeps, table: TransactionTable) {
    this.#deps = deps;
    this.#table = table;
  }

  /** Op messages are still to be written that a crash cut off. */
  get isOwing(): boolean {
    return this.#owed.length > 0;
  }

  /** Its body may be damaged: to end it without a copy nobody needs that. Errors: SYSTEM_ERROR when none begins there. */
  readHalf(commitLogOffset: number): Promise<MessageExt> {
    return this.#read(SystemTopic.TRANSACTION_HALF, commitLogOffset);
  }

  /** Errors: SYSTEM_ERROR when no discarded half message begins there. */
  readDiscarded(commitLogOffset: number): Promise<MessageExt> {
    return this.#read(SystemTopic.TRANSACTION_CHECK_MAX_TIME, commitLogOffset);
  }

  async #read(topic: string, commitLogOffset: number): Promise<MessageExt> {
    const { store } = this.#deps;
    const record =
      (await store.readRecord(commitLogOffset)) ?? (await this.#readWhenSafe(commitLogOffset));
    const found = record === undefined ? undefined : decodeRecord(record, 0, { verifyCrc: false });
    if (found?.topic === topic && isInItsQueue(store, found)) return found;
    throw new MqError(
      'SYSTEM_ERROR',
      `no message of ${topic} begins at commitLogOffset ${commitLogOffset}` +
        (found === undefined || found.topic === topic ? '' : `, but one of ${found.topic}`),
    );
  }

  /** A producer may be told of its half message before that is safe: WAIT=false, FLUSH_DISK_TIMEOUT. It ends it at once. */
  async #readWhenSafe(commitLogOffset: number): Promise<Buffer | undefined> {
    const { store } = this.#deps;
    const isUnderWay =
      commitLogOffset >= store.confirmOffset && commitLogOffset < store.maxCommitLogOffset;
    if (!isUnderWay) return undefined;
    await store.flush();
    return store.readRecord(commitLogOffset);
  }

  /** A producer's half message, which it may be told is not flushed in time. */
  async appendHalf(half: AppendMessage): Promise<AppendResult> {
    const { store } = this.#deps;
    return this.#appended(() => store.append(half));
  }

  /** Of half, op and whatever goes with them; all or none, in one write, and safe when this resolves. */
  async append(messages: readonly AppendMessage[]): Promise<AppendResult[]> {
    const { store } = this.#deps;
    return this.#appended(() => appendSafely(store, messages));
  }

  async #appended<T>(append: () => Promise<T>): Promise<T> {
    const { store } = this.#deps;
    const from = {
      half: store.maxOffset(SystemTopic.TRANSACTION_HALF, TRANSACTION_QUEUE),
      op: store.maxOffset(SystemTopic.TRANSACTION_OP, TRANSACTION_QUEUE),
    };
    this.#appending.add(from);
    try {
      return await append();
    } finally {
      // After whoever asked has put the result into the table, which happens in this turn of the event loop.
      setImmediate(() => this.#appending.delete(from));
    }
  }

  /** `messages` end with the op message of `half`. */
  async appendOp(
    half: Pick<Half, 'queueOffset'>,
    messages: readonly AppendMessage[],
  ): Promise<AppendResult[]> {
    const results = await this.append(messages);
    this.#table.noteOp(results.at(-1)!.queueOffset, half.queueOffset);
    return results;
  }

  op(half: Pick<Half, 'queueOffset' | 'id'>, state: OpState): AppendMessage {
    return opMessage(half.queueOffset, half.id, state, this.by());
  }

  by(): { host: HostAddress; nowMs: number } {
    return { host: this.#deps.storeHost(), nowMs: this.#deps.clock.now() };
  }

  /** Takes what recovery found to be owed, and tries to write it. */
  async owe(owed: readonly OwedOp[]): Promise<void> {
    this.#owed = owed;
    await this.payOwed();
  }

  /** Writes the op messages that a crash cut off. Until then a second crash, behind other messages, would hide them. */
  async payOwed(): Promise<void> {
    const { logger } = this.#deps;
    const owed = this.#owed;
    if (owed.length === 0) return;
    try {
      for (let from = 0; from < owed.length; from += OWED_AT_ONCE) {
        const ops = owed.slice(from, from + OWED_AT_ONCE);
        const results = await this.append(ops.map((op) => this.#owedMessage(op)));
        for (const [index, op] of ops.entries()) {
          if (op.kind === 'half') this.#table.noteOp(results[index]!.queueOffset, op.halfOffset);
        }
      }
      this.#owed = [];
    } catch (cause) {
      logger.error('what a crash cut off a transaction cannot be stored yet', { cause });
    }
  }

  #owedMessage(op: OwedOp): AppendMessage {
    return op.kind === 'resumed'
      ? resumedMark(op.queueOffset, this.by())
      : opMessage(op.halfOffset, op.id, op.state, this.by());
  }

  /** Undefined when one of the two is missing: they only mean something together. */
  storedProgress(): Progress | undefined {
    const { offsets } = this.#deps;
    const query = (topic: string): number | undefined =>
      offsets.query(TRANSACTION_GROUP, topic, TRANSACTION_QUEUE);
    const half = query(SystemTopic.TRANSACTION_HALF);
    const op = query(SystemTopic.TRANSACTION_OP);
    return half === undefined || op === undefined ? undefined : { half, op };
  }

  /** Progress must not be kept better than what it says: after a power cut it would pass over half messages. */
  async saveProgress(): Promise<void> {
    const { store, offsets } = this.#deps;
    const [oldest] = this.#appending;
    const table = this.#table.progress(
      store.maxOffset(SystemTopic.TRANSACTION_HALF, TRANSACTION_QUEUE),
    );
    const progress = {
      half: Math.min(table.half, oldest?.half ?? table.half),
      op: Math.min(table.op, oldest?.op ?? table.op),
    };
    const stored = this.storedProgress();
    if (stored?.half === progress.half && stored.op === progress.op) return;
    if (stored === undefined && progress.half === 0) return;
    await store.flush();
    const client = 'the broker';
    const group = TRANSACTION_GROUP;
    const queueId = TRANSACTION_QUEUE;
    const commit = (topic: string, queueOffset: number): boolean =>
      offsets.commit({ group, topic, queueId, queueOffset, client });
    commit(SystemTopic.TRANSACTION_HALF, progress.half);
    commit(SystemTopic.TRANSACTION_OP, progress.op);
  }
}
