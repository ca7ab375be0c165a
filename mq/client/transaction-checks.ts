import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RequestOf } from '../protocol/define-request.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import { decodeRecord, type MessageExt } from '../protocol/message.ts';
import { PropertyKey } from '../protocol/properties.ts';
import { checkTransactionState } from '../protocol/requests/check-transaction-state.ts';
import type { Connection } from '../remoting/connection.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { readMessage } from './fetched-messages.ts';
import { Rest } from './rest.ts';
import type { TransactionOutcomes } from './transaction-outcomes.ts';
import {
  asLocalTransactionState,
  remarkOn,
  type LocalTransactionState,
} from './transaction-state.ts';

export interface CheckContext {
  /** Aborted when nobody waits for the answer any more: checkTimeoutMs has passed, or the producer shuts down. */
  readonly signal: AbortSignal;
}

/**
 * Tells what became of the local transaction of a half message, which another process of the group may have begun.
 * Throwing means UNKNOW: the broker asks again.
 */
export type CheckLocalTransaction = (
  message: ConsumedMessage,
  context: CheckContext,
) => LocalTransactionState | Promise<LocalTransactionState>;

/** Who asks, and with which offsets the answer must come. */
export interface Asker {
  readonly connection: Connection;
  readonly header: RequestOf<typeof checkTransactionState>;
}

export interface Answer {
  readonly record: MessageExt;
  readonly state: LocalTransactionState;
  readonly remark?: string;
}

export interface TransactionChecksOptions {
  producerGroup: string;
  check: CheckLocalTransaction;
  concurrency: number;
  timeoutMs: number;
  maxBodyBytes: number;
  outcomes: TransactionOutcomes;
  /** Never rejects. */
  answer: (asker: Asker, answer: Answer) => Promise<void>;
  clock: Clock;
  logger: Logger;
}

/** Checks of one transaction that have come and are not answered. */
interface Check {
  readonly msgId: string;
  readonly record: MessageExt;
  /** By connection, each with its latest offsets: a broker that asks again has put the half message anew. */
  readonly askers: Map<Connection, Asker>;
}

/** What waits for its turn, at most; above either the oldest goes, since its broker will ask again. */
const MAX_WAITING = 1_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/**
 * Answers the brokers' questions after transactions: several at a time, each transaction once at a time, and none that
 * still runs in this process or was decided by it, which `outcomes` knows.
 */
export class TransactionChecks {
  readonly #options: TransactionChecksOptions;
  /** Waiting and running, by msgId. */
  readonly #open = new Map<string, Check>();
  /** In order of arrival. */
  readonly #waiting = new Set<Check>();
  #waitingBytes = 0;
  readonly #running = new Set<AbortController>();
  readonly #idle: Rest;
  #isStopped = false;

  constructor(options: TransactionChecksOptions) {
    this.#options = options;
    this.#idle = new Rest(options.clock);
  }

  /** Takes CHECK_TRANSACTION_STATE and returns at once. Errors: INVALID_ARGUMENT, MESSAGE_CORRUPT. */
  take(request: RemotingCommand, connection: Connection): void {
    const header = checkTransactionState.decodeRequest(request.extFields);
    const record = decodeRecord(request.body ?? Buffer.alloc(0), 0, { verifyCrc: false });
    const { producerGroup, logger, outcomes, answer } = this.#options;
    const group = record.properties.get(PropertyKey.PGROUP);
    const { msgId } = record;
    if (group !== producerGroup) {
      logger.warn('ignored the check of a transaction of another producer group', {
        msgId,
        group,
        producerGroup,
        broker: connection.peer,
      });
      return;
    }
    const asker = { connection, header };
    const known = outcomes.of(msgId);
    if (known === undefined) {
      // Shutting down, it asks the application nothing any more: the broker will ask another member.
      if (!this.#isStopped) this.#enqueue(msgId, record, asker);
      return;
    }
    void answer(
      asker,
      known === 'running'
        ? { record, state: 'UNKNOW', remark: 'the local transaction is still running' }
        : { record, state: known },
    );
  }

  /** Takes no more checks and waits for those that run; after `graceMs` aborts them. Returns how many that were. */
  async stop(graceMs: number): Promise<number> {
    this.#isStopped = true;
    for (const check of this.#waiting) this.#open.delete(check.msgId);
    this.#waiting.clear();
    this.#waitingBytes = 0;
    if (this.#running.size > 0) await this.#idle.take(graceMs);
    const abandoned = this.#running.size;
    const reason = new MqError('CLIENT_CLOSED', 'the producer is shutting down');
    for (const abort of this.#running) abort.abort(reason);
    return abandoned;
  }

  #enqueue(msgId: string, record: MessageExt, asker: Asker): void {
    const open = this.#open.get(msgId);
    if (open !== undefined) {
      open.askers.set(asker.connection, asker);
      return;
    }
    const check: Check = { msgId, record, askers: new Map([[asker.connection, asker]]) };
    this.#open.set(msgId, check);
    this.#waiting.add(check);
    this.#waitingBytes += record.storeSize;
    this.#startMore();
    while (this.#waiting.size > MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined) return;
    this.#takeOut(oldest);
    this.#open.delete(oldest.msgId);
    this.#options.logger.warn('dropped the check of a transaction: too many wait', {
      msgId: oldest.msgId,
      limit: MAX_WAITING,
      limitBytes: MAX_WAITING_BYTES,
    });
  }

  #takeOut(check: Check): void {
    this.#waiting.delete(check);
    this.#waitingBytes -= check.record.storeSize;
  }

  #startMore(): void {
    for (const check of this.#waiting) {
      if (this.#isStopped || this.#running.size >= this.#options.concurrency) return;
      this.#takeOut(check);
      void this.#run(check);
    }
  }

  /** Never rejects. */
  async #run(check: Check): Promise<void> {
    const abort = new AbortController();
    this.#running.add(abort);
    const answer = await this.#answerInTime(check, abort);
    this.#open.delete(check.msgId);
    if (answer !== undefined) {
      this.#options.outcomes.settle(check.msgId, answer.state);
      await Promise.all(
        Array.from(check.askers.values(), (asker) => this.#options.answer(asker, answer)),
      );
    }
    this.#running.delete(abort);
    if (this.#running.size === 0) this.#idle.end();
    this.#startMore();
  }

  /** undefined when shutdown has given it up. */
  #answerInTime(check: Check, abort: AbortController): Promise<Answer | undefined> {
    const { clock, timeoutMs } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => {
        abort.abort(new MqError('REQUEST_TIMEOUT', `checkTimeoutMs ${timeoutMs} has passed`));
      }, timeoutMs);
      abort.signal.addEventListener('abort', () => {
        clock.clearTimeout(timer);
        resolve(this.#isStopped ? undefined : this.#unknown(check.record, abort.signal.reason));
      });
      void this.#answer(check, abort.signal).then((answer) => {
        clock.clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  /** Never rejects. undefined when it was aborted before it had an answer. */
  async #answer(check: Check, signal: AbortSignal): Promise<Answer | undefined> {
    const { record, askers } = check;
    const [asker] = askers.values();
    try {
      const brokerName = asker?.header.brokerName ?? '';
      const message = await readMessage(record, brokerName, this.#options.maxBodyBytes);
      const state: unknown = await this.#options.check(message, { signal });
      return { record, state: asLocalTransactionState(state, 'checkLocalTransaction') };
    } catch (error) {
      return signal.aborted ? undefined : this.#unknown(record, error);
    }
  }

  #unknown(record: MessageExt, error: unknown): Answer {
    this.#options.logger.warn('the check of a transaction failed; the broker will ask again', {
      msgId: record.msgId,
      error,
    });
    return { record, state: 'UNKNOW', remark: remarkOn('the check failed', error) };
  }
}
