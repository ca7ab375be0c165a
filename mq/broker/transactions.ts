import { MqError } from '../errors.ts';
import type { MessageExt } from '../protocol/message.ts';
import { parseOffsetMsgId } from '../protocol/message-id.ts';
import { PropertyKey } from '../protocol/properties.ts';
import type { AppendMessage, AppendResult } from '../store/message-store.ts';
import { halfOf } from './half-messages.ts';
import type { TopicConfigs } from './topic-configs.ts';
import { TransactionLog } from './transaction-log.ts';
import {
  committedCopy,
  halfAgain,
  immunityMs,
  resumedMark,
  transactionId,
} from './transaction-records.ts';
import { recoverTransactions } from './transaction-recovery.ts';
import { TransactionRounds, type TransactionRoundsDeps } from './transaction-rounds.ts';
import { TransactionTable, type Decision, type Half, type Outcome } from './transaction-table.ts';
import { TransactionWork } from './transaction-work.ts';

/** Outcomes remembered for producers that ask twice; over a restart, those that so many op messages tell of. */
const MAX_RECENT = 16_384;

export interface TransactionsDeps extends TransactionRoundsDeps {
  readonly queueFor: TopicConfigs['queueFor'];
  readonly settings: TransactionRoundsDeps['settings'] & { readonly transactionTimeOut: number };
  /** Told of each transaction that its producer has ended. */
  readonly onEnded?: (topic: string, isCommitted: boolean) => void;
}

/** What a producer says of a transaction. Any half message of it may be named, also after the broker put it again. */
export interface TransactionEnd {
  readonly producerGroup: string;
  /** queueOffset of the half message. */
  readonly halfOffset: number;
  readonly commitLogOffset: number;
  readonly decision: Decision;
  /** It answers a check, so immunity is no reason to refuse it. */
  readonly isFromCheck: boolean;
}

/**
 * Transactional messages: keeps half messages in RMQ_SYS_TRANS_HALF_TOPIC, where nobody reads them, until their producer
 * commits or rolls back, and asks the producer group after those it has not heard of.
 *
 * Order:  one thing at a time is done about a transaction. A commit is its copy and its op message in one write; a half
 *         message put again, or discarded, is written together with the end of the one before.
 * Errors: an end that the store refuses leaves the transaction as it was; it is decided again, or checked.
 * Source: RocketMQ 5.3 TransactionalMessageServiceImpl, EndTransactionProcessor.
 */
export class Transactions {
  readonly #deps: TransactionsDeps;
  readonly #table: TransactionTable;
  readonly #log: TransactionLog;
  readonly #work: TransactionWork;
  readonly #rounds: TransactionRounds;
  /** One string a group, however many transactions it has. */
  readonly #groups = new Map<string, string>();
  #adopted: ReadonlyMap<number, number> = new Map<number, number>();
  /** queueOffsets in TRANS_CHECK_MAX_TIME_TOPIC. */
  readonly #resumed = new Set<number>();
  readonly #resuming = new Set<number>();
  #state: 'new' | 'started' | 'closed' = 'new';

  constructor(deps: TransactionsDeps) {
    this.#deps = deps;
    this.#table = new TransactionTable({
      maxChecks: deps.settings.transactionCheckMax,
      maxRecent: MAX_RECENT,
    });
    this.#log = new TransactionLog(deps, this.#table);
    this.#work = new TransactionWork(this.#table);
    this.#rounds = new TransactionRounds(deps, this.#table, this.#log, this.#work);
  }

  /** The commitLogOffset of the first open half message; Infinity when there is none. */
  waitingFrom(): number {
    const { minCommitLogOffset } = this.#deps.store;
    let first = Infinity;
    for (const { commitLogOffset: each } of this.#table.halves()) {
      if (each >= minCommitLogOffset && each < first) first = each;
    }
    return first;
  }

  /** Transactions whose outcome is open. */
  get openCount(): number {
    return this.#table.openCount;
  }

  /** Transactions given up since the start: nobody has said how they ended. */
  get discardedCount(): number {
    return this.#rounds.discardedCount;
  }

  /** Reads what the store says, completes what a crash cut off, and begins to check. To be called before any append. */
  async start(): Promise<void> {
    const { store, settings, clock, logger } = this.#deps;
    const recovered = await recoverTransactions({
      store,
      progress: this.#log.storedProgress(),
      transactionTimeOutMs: settings.transactionTimeOut,
      maxOutcomes: MAX_RECENT,
      logger,
    });
    for (const { id, outcome } of recovered.outcomes) this.#table.remember(id, outcome);
    for (const { opOffset, halfOffset } of recovered.ops) this.#table.noteOp(opOffset, halfOffset);
    for (const half of recovered.open.values()) {
      // No longer than its whole time from now, should the wall clock have been set back since.
      const waitMs = half.storeTimestamp + half.immunityMs - clock.now();
      this.#add(half, Math.min(half.immunityMs, Math.max(0, waitMs)));
    }
    this.#adopted = recovered.adopted;
    for (const queueOffset of recovered.resumed) this.#resumed.add(queueOffset);
    this.#state = 'started';
    await this.#log.owe(recovered.owed);
    this.#rounds.start();
  }

  /** Stops checking, waits for what is under way and notes the progress. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const wasStarted = this.#state === 'started';
    this.#state = 'closed';
    await this.#rounds.close();
    await this.#work.settled();
    if (wasStarted) await this.#log.saveProgress();
  }

  /** Resolves when no check round is under way and no decision is being stored. */
  async settled(): Promise<void> {
    await this.#rounds.settled();
    await this.#work.settled();
  }

  /**
   * Stores a message that nobody sees before its transaction is committed. Synchronous up to the store's append.
   *
   * Errors: those of halfOf and of the store.
   */
  async prepare(message: AppendMessage): Promise<AppendResult> {
    const { half, properties } = halfOf(message);
    const waitMs = immunityMs(properties, this.#deps.settings.transactionTimeOut);
    const result = await this.#log.appendHalf(half);
    this.#add(
      {
        id: result.queueOffset,
        queueOffset: result.queueOffset,
        commitLogOffset: result.commitLogOffset,
        producerGroup: properties.get(PropertyKey.PGROUP) ?? '',
        checkCount: 0,
      },
      waitMs,
    );
    this.#rounds.arm();
    return result;
  }

  /**
   * Commits or rolls back. Saying the same again is no error.
   *
   * Errors: SYSTEM_ERROR (no such half message, another group's, settled otherwise or long ago), ILLEGAL_OPERATION
   *         (after its immunity time), TOPIC_NOT_EXIST (a commit for a topic that was deleted), MESSAGE_CORRUPT (a commit
   *         of a damaged body), the store's refusal.
   */
  async end(request: TransactionEnd): Promise<void> {
    const named = await this.#log.readHalf(request.commitLogOffset);
    assertNamed(named, request);
    const { properties, queueOffset } = named;
    const id = this.#adopted.get(queueOffset) ?? transactionId(properties, queueOffset);
    for (;;) {
      if (this.#table.get(id) !== undefined) this.#assertInTime(named, request);
      const step = this.#table.end(id, request.decision);
      switch (step.do) {
        case 'wait':
          await this.#work.over(id);
          continue;
        case 'settle':
          return this.#work.run(id, this.#settle(step.half, step.outcome, named));
        case 'answer':
          return assertSame(step.outcome, request);
        case 'refuse':
          throw new MqError(
            'SYSTEM_ERROR',
            `the transaction of the half message at ${request.commitLogOffset} was settled before, ` +
              'and what became of it is no longer known',
          );
      }
    }
  }

  /**
   * Makes a discarded half message one that is checked again, as if it never had been.
   *
   * Errors: SYSTEM_ERROR when the id is not that of a discarded half message, or it was resumed already;
   *         INVALID_ARGUMENT when it is no id; MESSAGE_CORRUPT for a damaged body; the store's refusal.
   */
  async resume(offsetMsgId: string): Promise<void> {
    const { commitLogOffset } = parseOffsetMsgId(offsetMsgId);
    const discarded = await this.#log.readDiscarded(commitLogOffset);
    const { queueOffset } = discarded;
    if (this.#resumed.has(queueOffset) || this.#resuming.has(queueOffset)) {
      throw new MqError(
        'SYSTEM_ERROR',
        `the half message with offsetMsgId ${offsetMsgId} was resumed already`,
      );
    }
    this.#resuming.add(queueOffset);
    try {
      await this.#resume(discarded);
    } finally {
      this.#resuming.delete(queueOffset);
    }
  }

  async #resume(discarded: MessageExt): Promise<void> {
    const { properties, queueOffset } = discarded;
    // One that an original discarded does not say which transaction it was: it begins a new one.
    const isOurs = properties.has(PropertyKey.TRAN_PREPARED_QUEUE_OFFSET);
    const id = isOurs ? transactionId(properties, queueOffset) : undefined;
    const [half] = await this.#log.append([
      halfAgain(discarded, id, 0),
      resumedMark(queueOffset, this.#log.by()),
    ]);
    this.#resumed.add(queueOffset);
    this.#add(
      {
        id: id ?? half!.queueOffset,
        queueOffset: half!.queueOffset,
        commitLogOffset: half!.commitLogOffset,
        producerGroup: properties.get(PropertyKey.PGROUP) ?? '',
        checkCount: 0,
      },
      0,
    );
    this.#rounds.arm();
  }

  async #settle(half: Half, outcome: Outcome, named: MessageExt): Promise<void> {
    const isNamed = named.commitLogOffset === half.commitLogOffset;
    const op = this.#log.op(half, outcome);
    if (outcome === 'ROLLED_BACK') {
      await this.#log.appendOp(half, [op]);
    } else {
      const newest = isNamed ? named : await this.#log.readHalf(half.commitLogOffset);
      const copy = committedCopy(newest);
      const queueId = copy && this.#deps.queueFor(copy.topic, copy.queueId);
      if (copy === undefined || queueId === undefined) {
        throw new MqError(
          'TOPIC_NOT_EXIST',
          `topic[${copy?.topic}] of a half message does not exist: create it, and commit again`,
        );
      }
      await this.#log.appendOp(half, [{ ...copy, queueId }, op]);
    }
    this.#table.settled(half.id, outcome);
    const topic = named.properties.get(PropertyKey.REAL_TOPIC);
    if (topic !== undefined) this.#deps.onEnded?.(topic, outcome === 'COMMITTED');
  }

  /** Errors: ILLEGAL_OPERATION with both times. Only a half message that sets its own immunity time has this limit. */
  #assertInTime(half: MessageExt, { isFromCheck }: TransactionEnd): void {
    if (isFromCheck || !half.properties.has(PropertyKey.CHECK_IMMUNITY_TIME_IN_SECONDS)) return;
    const { clock, settings } = this.#deps;
    const limitMs = immunityMs(half.properties, settings.transactionTimeOut);
    const ageMs = clock.now() - half.bornTimestamp;
    if (ageMs <= limitMs) return;
    throw new MqError(
      'ILLEGAL_OPERATION',
      `the half message is ${ageMs} ms old, over its immunity time of ${limitMs} ms: wait for the check`,
    );
  }

  #add(half: Omit<Half, 'dueAtMs'>, waitMs: number): void {
    const { producerGroup } = half;
    if (this.#table.openCount === 0) this.#groups.clear();
    const known = this.#groups.get(producerGroup) ?? producerGroup;
    this.#groups.set(known, known);
    const { id, queueOffset, commitLogOffset, checkCount } = half;
    // A whole number takes no memory of its own.
    const dueAtMs = Math.ceil(this.#deps.clock.monotonicMs() + waitMs);
    this.#table.add({
      id,
      queueOffset,
      commitLogOffset,
      producerGroup: known,
      checkCount,
      dueAtMs,
    });
  }
}

/** Errors: SYSTEM_ERROR with both values. */
function assertNamed(half: MessageExt, { producerGroup, halfOffset }: TransactionEnd): void {
  const group = half.properties.get(PropertyKey.PGROUP);
  if (group !== producerGroup) {
    throw new MqError(
      'SYSTEM_ERROR',
      `the half message is of producer group ${group}, not of ${producerGroup}`,
    );
  }
  if (half.queueOffset === halfOffset) return;
  throw new MqError(
    'SYSTEM_ERROR',
    `the half message has queueOffset ${half.queueOffset}, not tranStateTableOffset ${halfOffset}`,
  );
}

/** Errors: SYSTEM_ERROR with both states. */
function assertSame(outcome: Outcome, { decision }: TransactionEnd): void {
  const wanted: Outcome = decision === 'COMMIT' ? 'COMMITTED' : 'ROLLED_BACK';
  if (outcome === wanted) return;
  const hint = outcome === 'DISCARDED' ? ': it was checked too often, and can be resumed' : '';
  throw new MqError('SYSTEM_ERROR', `the transaction is ${outcome}, not ${wanted}${hint}`);
}
