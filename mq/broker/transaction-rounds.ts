import type { TimerHandle } from '../clock.ts';
import type { MessageExt } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import type { ProducerManager } from './producer-manager.ts';
import { TransactionChecker } from './transaction-checker.ts';
import type { TransactionLog, TransactionLogDeps } from './transaction-log.ts';
import { discardedCopy, halfAgain, TRANSACTION_QUEUE } from './transaction-records.ts';
import type { Half, TransactionTable } from './transaction-table.ts';
import type { TransactionWork } from './transaction-work.ts';

const PUT_AGAIN_BEHIND = 65_536;
/** Checks under way at a time. */
const CHECKS_AT_ONCE = 32;
/** Open transactions looked at between two turns of the event loop. */
const SEEN_AT_ONCE = 16_384;
/** Wait after an op message that the store refused. */
const RETRY_AFTER_MS = 1_000;
const HOUR_MS = 3_600_000;

export interface TransactionRoundsDeps extends TransactionLogDeps {
  readonly producers: Pick<ProducerManager, 'members'>;
  /** Creates TRANS_CHECK_MAX_TIME_TOPIC when it is missing. */
  readonly ensureDiscardTopic: () => Promise<unknown>;
  readonly settings: {
    readonly brokerName: string;
    readonly transactionCheckInterval: number;
    readonly transactionCheckMax: number;
    readonly fileReservedTime: number;
  };
  /**
   * A half message that waits behind so many others is put again, so that those need not be read at a restart. Default
   * 65,536; with many open ones it is five times as many as they are.
   */
  readonly putAgainBehind?: number;
}

/**
 * What the broker does about open transactions by itself, once an interval: asks their producers, gives up those it has
 * asked after too often, and puts again those that lie too far back.
 *
 * Source: RocketMQ 5.3 TransactionalMessageServiceImpl.check.
 */
export class TransactionRounds {
  readonly #deps: TransactionRoundsDeps;
  readonly #table: TransactionTable;
  readonly #log: TransactionLog;
  readonly #work: TransactionWork;
  readonly #checker: TransactionChecker;
  #discardTopic: Promise<unknown> | undefined;
  #timer: TimerHandle | undefined;
  #round: Promise<void> | undefined;
  #state: 'new' | 'started' | 'closed' = 'new';
  #discardedCount = 0;

  constructor(
    deps: TransactionRoundsDeps,
    table: TransactionTable,
    log: TransactionLog,
    work: TransactionWork,
  ) {
    const { producers, settings, logger } = deps;
    this.#deps = deps;
    this.#table = table;
    this.#log = log;
    this.#work = work;
    this.#checker = new TransactionChecker({ producers, brokerName: settings.brokerName, logger });
  }

  /** Transactions it has given up since it was made. */
  get discardedCount(): number {
    return this.#discardedCount;
  }

  start(): void {
    this.#state = 'started';
    this.arm();
  }

  /** Ends the round under way. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#deps.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.settled();
  }

  /** Resolves when no round is under way. */
  async settled(): Promise<void> {
    while (this.#round !== undefined) await this.#round;
  }

  /** No timer while nothing is open: an idle broker sleeps. */
  arm(): void {
    if (this.#state !== 'started' || this.#timer !== undefined || this.#round !== undefined) return;
    const { isOwing } = this.#log;
    if (this.#table.openCount === 0 && !isOwing) return;
    const { clock, settings } = this.#deps;
    this.#timer = clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#round = this.#check()
          .catch((cause: unknown) =>
            this.#deps.logger.error('a round of transaction checks failed', { cause }),
          )
          .finally(() => {
            this.#round = undefined;
            this.arm();
          });
      },
      isOwing ? RETRY_AFTER_MS : settings.transactionCheckInterval,
    );
    this.#timer.unref();
  }

  /** Asks after everything that is due, and discards what was asked after too often. */
  async #check(): Promise<void> {
    const { clock, logger } = this.#deps;
    await this.#log.payOwed();
    this.#discardTopic = undefined;
    const nowMs = clock.monotonicMs();
    const lagging = this.#lagging();
    const batch: Promise<void>[] = [];
    let seenCount = 0;
    const groups = new Map<string, boolean>();
    for (const half of this.#table.halves()) {
      if (this.#state !== 'started') break;
      if (++seenCount % SEEN_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
      const group = half.producerGroup;
      const isReachable = groups.get(group) ?? this.#checker.isReachable(group);
      groups.set(group, isReachable);
      const work = this.#next(half, nowMs, isReachable, lagging);
      if (work === undefined) continue;
      batch.push(
        this.#work.run(half.id, work).catch((cause: unknown) =>
          logger.error('a half message could not be checked, trying again in the next round', {
            queueOffset: half.queueOffset,
            producerGroup: group,
            cause,
          }),
        ),
      );
      if (batch.length < CHECKS_AT_ONCE) continue;
      await Promise.all(batch.splice(0));
      // Producers come and go, and stop reading, while a round lasts.
      groups.clear();
    }
    await Promise.all(batch);
    await this.#log.saveProgress();
  }

  /** Those to be put again: too far back, or half as old as what retention removes. */
  #lagging(): ReadonlySet<Half> {
    const { store, clock, settings, putAgainBehind = PUT_AGAIN_BEHIND } = this.#deps;
    const queue = [SystemTopic.TRANSACTION_HALF, TRANSACTION_QUEUE] as const;
    const oldAfterMs = Math.max(1, settings.fileReservedTime / 2) * HOUR_MS;
    const oldBelow = store.offsetByTime(...queue, clock.now() - oldAfterMs);
    return new Set(this.#table.laggards(store.maxOffset(...queue), putAgainBehind, oldBelow));
  }

  #next(
    half: Half,
    nowMs: number,
    isReachable: boolean,
    lagging: ReadonlySet<Half>,
  ): Promise<void> | undefined {
    if (half.commitLogOffset < this.#deps.store.minCommitLogOffset) {
      this.#giveUp(half);
      return undefined;
    }
    const step = this.#table.check(half, nowMs, isReachable);
    if (step === 'check') return this.#ask(half, nowMs);
    if (step === 'discard') return this.#discard(half);
    if (!lagging.has(half) || !this.#table.take(half)) return undefined;
    return this.#log.readHalf(half.commitLogOffset).then(async (message) => {
      await this.#putAgain(half, message);
    });
  }

  /** Its segment was removed: there is nothing left to commit. */
  #giveUp(half: Half): void {
    if (!this.#table.take(half)) return;
    this.#table.settled(half.id, 'DISCARDED');
    this.#discardedCount++;
    this.#deps.logger.error('a half message was removed before anybody had ended it', {
      queueOffset: half.queueOffset,
      producerGroup: half.producerGroup,
    });
  }

  /** Only a check that was handed to a producer counts. */
  async #ask(half: Half, nowMs: number): Promise<void> {
    const message = await this.#log.readHalf(half.commitLogOffset);
    const dueAtMs = nowMs + this.#deps.settings.transactionCheckInterval;
    const asked = { ...half, checkCount: half.checkCount + 1, dueAtMs };
    if (!(await this.#checker.ask(message, asked.checkCount))) {
      this.#table.released(half.id);
      return;
    }
    this.#deps.logger.info('asked a producer what became of its transaction', {
      msgId: message.msgId,
      keys: message.properties.get(PropertyKey.KEYS),
      topic: message.properties.get(PropertyKey.REAL_TOPIC),
      producerGroup: half.producerGroup,
      checkCount: asked.checkCount,
    });
    try {
      await this.#putAgain(asked, message);
    } catch (cause) {
      // Counted for as long as this process lives; a restart counts it as not asked.
      this.#table.moved(asked);
      throw cause;
    }
  }

  /** Stores the count, and moves the transaction to the end of the queue. */
  async #putAgain(half: Half, message: MessageExt): Promise<void> {
    const again = halfAgain(message, half.id, half.checkCount);
    const [result] = await this.#log.appendOp(half, [again, this.#log.op(half, 'MOVED')]);
    const { queueOffset, commitLogOffset } = result!;
    this.#table.moved({ ...half, queueOffset, commitLogOffset });
  }

  async #discard(half: Half): Promise<void> {
    // One wait for all of a round, so that they keep their order.
    this.#discardTopic ??= this.#deps.ensureDiscardTopic();
    await this.#discardTopic;
    const message = await this.#log.readHalf(half.commitLogOffset);
    await this.#log.appendOp(half, [
      discardedCopy(message, half.id),
      this.#log.op(half, 'DISCARDED'),
    ]);
    this.#table.settled(half.id, 'DISCARDED');
    this.#discardedCount++;
    this.#deps.logger.warn(
      `gave up a half message after ${half.checkCount} checks; it can be resumed from ${SystemTopic.TRANSACTION_CHECK_MAX_TIME}`,
      {
        msgId: message.msgId,
        keys: message.properties.get(PropertyKey.KEYS),
        producerGroup: half.producerGroup,
      },
    );
  }
}
