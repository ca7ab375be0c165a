import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Column, Entity, PrimaryColumn, type DataSource, type EntityManager } from 'typeorm';
import type { BrokerBreaker } from './broker-breaker.ts';
import { isBrokerAway } from './broker-errors.ts';
import type { Clock } from './clock.ts';
import { insertOnce } from './database-errors.ts';
import { DomainError } from './errors.ts';
import { Gathering } from './gathering.ts';
import { insertInto } from './insert-into.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { HalfMessage, LocalTransactionState, TransactionSender } from './mq.module.ts';
import { appendAllToOutbox, appendToOutbox, unsentAmong } from './outbox.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import { messageOf, type OutgoingEvent } from './outgoing-event.ts';
import { threeTries } from './three-tries.ts';
import { inTransaction } from './transaction.ts';

/**
 * `SPOOLED`: committed, and the message is a row of the outbox. Should the broker have a half message of it all the same
 * (stored, and the answer lost), that one is rolled back.
 */
export type TransactionOutcome = 'COMMITTED' | 'SPOOLED' | 'ROLLED_BACK';

/** How a local transaction ended, written by the transaction itself or by whoever asked first and found nothing. */
@Entity('message_transactions')
export class MessageTransaction {
  @PrimaryColumn({ name: 'transaction_key', type: 'varchar', length: 64 })
  transactionKey!: string;

  @Column({ type: 'varchar', length: 16 })
  outcome!: TransactionOutcome;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;
}

/** `rollback` undoes everything `work` has done, and nobody ever sees the message. */
export type Decision<T> = { commit: T } | { rollback: T };

/** Changes that come at about the same time and are done in one database transaction; see `MessageTransactions.jointly`. */
export type JointWork<Item, T> = Gathering<JointMember<Item, T>, Ending<T>>;

interface JointMember<Item, T> {
  transaction: LocalTransaction<T>;
  wanted: 'COMMITTED' | 'SPOOLED';
  item: Item;
}

/** Code of the error that leaves open whether the change was committed. */
export const OUTCOME_UNKNOWN = 'DATABASE.OUTCOME_UNKNOWN';

/** Between two questions after a transaction of which the database does not say how it ended. */
const MIN_PURSUIT_PAUSE_MS = 1_000;
const MAX_PURSUIT_PAUSE_MS = 30_000;

/** The property by which a check-back finds the local transaction of a half message. */
export const TRANSACTION_KEY_PROPERTY = 'transactionKey';

/**
 * Announces a change of the database by a half message: the change and its message happen both or not at all.
 *
 * The broker first keeps the message where no consumer sees it, then the local transaction runs, then the broker is told
 * how it ended. When it does not hear that (a crash, a lost packet), it asks: `check` answers from message_transactions.
 *
 * Away:   when three tries to send the half message have failed, the local transaction takes the message into the
 *         outbox instead, and commits: nobody has to wait for a broker. While messages of a key are waiting there, later
 *         ones of that key go the same way, behind them.
 * Race:   a check-back can come while the local transaction still runs, or just before it begins. "No row" is then no
 *         answer. So the transaction inserts COMMITTED together with its changes, and a check-back that finds nothing
 *         inserts ROLLED_BACK: of two inserts under one primary key one wins. A check-back waits for a transaction under
 *         way; a transaction that comes second changes nothing.
 * Unsure: when the connection is lost at the commit, the process itself asks the database until it knows; were the change
 *         committed, its message takes the way through the outbox.
 * Rows:   must outlive the half messages they answer for; with the orders they tell of is long enough.
 */
export class MessageTransactions {
  readonly #dataSource: DataSource;
  readonly #sender: TransactionSender;
  readonly #relay: Pick<OutboxRelay, 'wake'>;
  readonly #breaker: BrokerBreaker;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #log: Log;

  constructor(parts: {
    dataSource: DataSource;
    sender: TransactionSender;
    relay: Pick<OutboxRelay, 'wake'>;
    breaker: BrokerBreaker;
    clock: Clock;
    metrics: Metrics;
    log: Log;
  }) {
    this.#dataSource = parts.dataSource;
    this.#sender = parts.sender;
    this.#relay = parts.relay;
    this.#breaker = parts.breaker;
    this.#clock = parts.clock;
    this.#metrics = parts.metrics;
    this.#log = parts.log;
  }

  /**
   * Runs `work` in one database transaction, and lets `event` be seen if that commits.
   *
   * `work` may run again after a deadlock and must have no effect outside its `manager`. `first` runs once, beside the half
   * message and to its end before the database transaction: for messages that must exist when the change does. The transaction
   * key is also the eventId; who has told others of it beforehand gives it.
   *
   * Errors: what `first` and `work` throw, with everything undone; DATABASE.OUTCOME_UNKNOWN when the connection was lost
   *         at the commit; TRANSACTION.ENDED when a check-back came first.
   */
  async announce<T>(
    event: OutgoingEvent,
    work: (manager: EntityManager) => Promise<Decision<T>>,
    options: AnnounceOptions<T> = {},
  ): Promise<T> {
    const { transactionKey = randomUUID(), first, joined } = options;
    const { key: orderNo, topic, tag } = event;
    const log = this.#log.with({ orderNo, eventId: transactionKey, topic, tag });
    const firstDone = first?.(transactionKey);
    // Whoever runs the local transaction hears of it; nobody does when the half message itself is refused.
    firstDone?.catch(() => undefined);
    const transaction: LocalTransaction<T> = { transactionKey, event, work, firstDone, joined };
    const ending =
      (await this.#byHalfMessage(transaction, log)) ?? (await this.#run(transaction, 'SPOOLED'));
    if (ending.isSpooled) {
      log.info('message spooled');
      this.#metrics.messagesSpooled.inc();
      this.#relay.wake();
    }
    if (ending.state === 'UNKNOW') void this.#pursue(transaction, log);
    if ('error' in ending) throw ending.error;
    return ending.value;
  }

  /**
   * For changes of one kind that many customers want at once: `work` makes those of a moment in one database transaction, all
   * of them, and returns what each comes to. Where it throws, nothing of it is left, and each change is made alone, by the work
   * that was given with it: only that can decide to roll back. Give `announce` what `joining` returns.
   */
  jointly<Item, T>(
    work: (manager: EntityManager, items: readonly Item[]) => Promise<readonly T[]>,
  ): JointWork<Item, T> {
    return new Gathering<JointMember<Item, T>, Ending<T>>({
      work: (members) => this.#runTogether(members, work),
      alone: ({ transaction, wanted }) => this.#runAlone(transaction, wanted),
    });
  }

  /** Undefined when the broker has not taken the half message, and nothing has been done. */
  async #byHalfMessage<T>(
    transaction: LocalTransaction<T>,
    log: Log,
  ): Promise<Ending<T> | undefined> {
    if (!this.#breaker.admits()) return undefined;
    const { event, transactionKey } = transaction;
    const local: { ending?: Ending<T> } = {};
    try {
      const sent = await threeTries(
        () =>
          this.#sender.sendMessageInTransaction(
            {
              ...messageOf(event, transactionKey),
              properties: { [TRANSACTION_KEY_PROPERTY]: transactionKey },
            },
            async () => {
              this.#breaker.close();
              local.ending = await this.#run(transaction, 'COMMITTED');
              return local.ending.state;
            },
          ),
        (error) => local.ending === undefined && isBrokerAway(error),
      );
      const state = local.ending?.state;
      log.info('message decided', { messageId: sent.msgId, state: state ?? sent.status });
    } catch (error) {
      if (local.ending !== undefined) {
        // The local transaction has ended, and that is what counts: the broker will ask how.
        log.warn('the broker may not know yet how the transaction ended', { error });
      } else if (isBrokerAway(error)) {
        this.#breaker.trip();
        log.warn('the broker is away', { error });
      } else {
        throw error;
      }
    }
    return local.ending;
  }

  /**
   * Makes a transaction that is announced in another way one that `settle` can tell of, and end before it commits.
   *
   * Errors: TRANSACTION.ENDED when it was settled before.
   */
  claim(manager: EntityManager, transactionKey: string): Promise<void> {
    return this.#claim(manager, transactionKey, 'COMMITTED');
  }

  /** Answers the broker's question. Errors: the database's, when it is away; the broker asks again. */
  async check(message: HalfMessage): Promise<LocalTransactionState> {
    const log = this.#log.with({ orderNo: message.keys[0], messageId: message.msgId });
    const transactionKey = message.properties.get(TRANSACTION_KEY_PROPERTY);
    if (transactionKey === undefined) {
      log.error('a half message without a transaction key is not ours to decide');
      return 'UNKNOW';
    }
    const outcome = await this.settle(transactionKey);
    log.info('check-back answered', { eventId: transactionKey, outcome });
    // Of a spooled one the outbox sends the message; this half of it is one too many.
    return outcome === 'COMMITTED' ? 'COMMIT_MESSAGE' : 'ROLLBACK_MESSAGE';
  }

  /** How a transaction ended; one that has not committed by now never will. */
  async settle(transactionKey: string): Promise<TransactionOutcome> {
    const row = { transactionKey, outcome: 'ROLLED_BACK' as const, createdAt: this.#clock.now() };
    const isNew = await inTransaction(this.#dataSource, (manager) =>
      insertOnce(insertInto(manager, MessageTransaction, [row])),
    );
    if (isNew) return 'ROLLED_BACK';
    const found = await this.#dataSource.manager.findOneBy(MessageTransaction, { transactionKey });
    if (found === null) throw new Error(`transaction ${transactionKey} has ended and has no row`);
    return found.outcome;
  }

  /**
   * Sees to the message of a transaction whose commit nobody has answered, when the database is back. The broker asks after
   * it, too, but only so often: should the database be away for longer than that, the half message is given up, and the
   * change stays one of which nobody is told.
   */
  async #pursue<T>({ transactionKey, event }: LocalTransaction<T>, log: Log): Promise<void> {
    let pauseMs = MIN_PURSUIT_PAUSE_MS;
    do {
      await delay(pauseMs, undefined, { ref: false });
      pauseMs = Math.min(pauseMs * 2, MAX_PURSUIT_PAUSE_MS);
    } while (this.#dataSource.isInitialized && !(await this.#caughtUp(transactionKey, event, log)));
  }

  /** False when the database does not say yet. */
  async #caughtUp(transactionKey: string, event: OutgoingEvent, log: Log): Promise<boolean> {
    try {
      const outcome = await this.settle(transactionKey);
      if (outcome === 'COMMITTED') {
        // Where the broker has been answered by now there are two, with one eventId.
        await inTransaction(this.#dataSource, (manager) =>
          this.#spool(manager, transactionKey, event, outcome),
        );
        this.#metrics.messagesSpooled.inc();
        this.#relay.wake();
      }
      log.info('the outcome of a transaction is known after all', { outcome });
      return true;
    } catch (error) {
      log.warn('the outcome of a transaction is still unknown', { error });
      return false;
    }
  }

  async #run<T>(
    transaction: LocalTransaction<T>,
    wanted: 'COMMITTED' | 'SPOOLED',
  ): Promise<Ending<T>> {
    try {
      await transaction.firstDone;
    } catch (error) {
      return { state: 'ROLLBACK_MESSAGE', error, isSpooled: false };
    }
    const { joined } = transaction;
    return joined === undefined ? this.#runAlone(transaction, wanted) : joined(transaction, wanted);
  }

  /** Throws when nothing was changed and each is to be tried alone. */
  async #runTogether<Item, T>(
    members: readonly JointMember<Item, T>[],
    work: (manager: EntityManager, items: readonly Item[]) => Promise<readonly T[]>,
  ): Promise<Ending<T>[]> {
    let isAtCommit = false;
    let spooled = new Set<JointMember<Item, T>>();
    const createdAt = this.#clock.now();
    const claims = members.map(({ transaction: { transactionKey }, wanted }) => ({
      transactionKey,
      outcome: wanted,
      createdAt,
    }));
    try {
      const values = await inTransaction(this.#dataSource, async (manager) => {
        isAtCommit = false;
        await insertInto(manager, MessageTransaction, claims);
        const made = await work(
          manager,
          members.map(({ item }) => item),
        );
        // As in a transaction of one: looked up after the work.
        const keys = members.map(({ transaction }) => transaction.event.key);
        const waiting = await unsentAmong(manager, keys);
        spooled = new Set(
          members.filter(
            ({ transaction, wanted }) => wanted === 'SPOOLED' || waiting.has(transaction.event.key),
          ),
        );
        await this.#spoolAll(manager, [...spooled]);
        isAtCommit = true;
        return made;
      });
      return members.map((member, index) => ({
        state: spooled.has(member) ? 'ROLLBACK_MESSAGE' : 'COMMIT_MESSAGE',
        value: values[index]!,
        isSpooled: spooled.has(member),
      }));
    } catch (error) {
      if (!isAtCommit) throw error;
      // Of none of them it is known, and none may be tried again before it is.
      return members.map(() => ({
        state: 'UNKNOW',
        error: outcomeUnknown(error),
        isSpooled: false,
      }));
    }
  }

  async #spoolAll<Item, T>(
    manager: EntityManager,
    members: readonly JointMember<Item, T>[],
  ): Promise<void> {
    if (members.length === 0) return;
    const overtaking = members
      .filter(({ wanted }) => wanted === 'COMMITTED')
      .map(({ transaction }) => transaction.transactionKey);
    if (overtaking.length > 0) {
      await manager.query(
        "UPDATE message_transactions SET outcome = 'SPOOLED' WHERE transaction_key IN (?)",
        [overtaking],
      );
    }
    await appendAllToOutbox(
      manager,
      members.map(({ transaction: { event, transactionKey } }) => ({
        event,
        eventId: transactionKey,
      })),
    );
  }

  async #runAlone<T>(
    { transactionKey, event, work }: LocalTransaction<T>,
    wanted: 'COMMITTED' | 'SPOOLED',
  ): Promise<Ending<T>> {
    let isAtCommit = false;
    let isSpooled = false;
    try {
      const value = await inTransaction(this.#dataSource, async (manager) => {
        isAtCommit = false;
        await this.#claim(manager, transactionKey, wanted);
        const decision = await work(manager);
        if ('rollback' in decision) throw new RolledBack(decision.rollback);
        // Looked up after the work, which holds the lock of what it changes: who was earlier has his row by now.
        isSpooled = wanted === 'SPOOLED' || (await unsentAmong(manager, [event.key])).size > 0;
        if (isSpooled) await this.#spool(manager, transactionKey, event, wanted);
        isAtCommit = true;
        return decision.commit;
      });
      return { state: isSpooled ? 'ROLLBACK_MESSAGE' : 'COMMIT_MESSAGE', value, isSpooled };
    } catch (error) {
      if (error instanceof RolledBack) {
        return { state: 'ROLLBACK_MESSAGE', value: error.value as T, isSpooled: false };
      }
      return isAtCommit
        ? { state: 'UNKNOW', error: outcomeUnknown(error), isSpooled: false }
        : { state: 'ROLLBACK_MESSAGE', error, isSpooled: false };
    }
  }

  async #claim(
    manager: EntityManager,
    transactionKey: string,
    outcome: 'COMMITTED' | 'SPOOLED',
  ): Promise<void> {
    const row = { transactionKey, outcome, createdAt: this.#clock.now() };
    if (await insertOnce(insertInto(manager, MessageTransaction, [row]))) return;
    throw new DomainError(
      'TRANSACTION.ENDED',
      'unavailable',
      'this took so long that others were told it will not happen; nothing was changed, try again',
    );
  }

  async #spool(
    manager: EntityManager,
    transactionKey: string,
    event: OutgoingEvent,
    claimed: 'COMMITTED' | 'SPOOLED',
  ): Promise<void> {
    if (claimed === 'COMMITTED') {
      await manager.update(MessageTransaction, { transactionKey }, { outcome: 'SPOOLED' });
    }
    await appendToOutbox(manager, event, transactionKey);
  }
}

interface LocalTransaction<T> {
  transactionKey: string;
  event: OutgoingEvent;
  work: (manager: EntityManager) => Promise<Decision<T>>;
  firstDone: Promise<void> | undefined;
  joined: Joined<T> | undefined;
}

type Joined<T> = (
  transaction: LocalTransaction<T>,
  wanted: 'COMMITTED' | 'SPOOLED',
) => Promise<Ending<T>>;

interface AnnounceOptions<T> {
  transactionKey?: string;
  first?: (transactionKey: string) => Promise<void>;
  /** Of a change that may be made together with others of its kind: what `joining` returns. */
  joined?: Joined<T>;
}

/** Has a change made by `joint`, which needs to know `item` for it. */
export function joining<Item, T>(joint: JointWork<Item, T>, item: Item): Joined<T> {
  return (transaction, wanted) => joint.add({ transaction, wanted, item });
}

type Ending<T> = { isSpooled: boolean } & (
  | { state: 'COMMIT_MESSAGE' | 'ROLLBACK_MESSAGE'; value: T }
  | { state: 'ROLLBACK_MESSAGE' | 'UNKNOW'; error: unknown }
);

/** Makes the database undo a transaction whose work decided against itself. */
class RolledBack extends Error {
  override readonly name = 'RolledBack';
  readonly value: unknown;

  constructor(value: unknown) {
    super('the transaction decided to change nothing');
    this.value = value;
  }
}

function outcomeUnknown(cause: unknown): DomainError {
  return new DomainError(
    OUTCOME_UNKNOWN,
    'unavailable',
    'the database went away before it said whether this was committed; try again with the same key, ' +
      'and the answer is the first one if it was',
    { cause },
  );
}
