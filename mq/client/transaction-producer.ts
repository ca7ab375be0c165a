import { MqError } from '../errors.ts';
import { parseOffsetMsgId } from '../protocol/message-id.ts';
import { RequestCode } from '../protocol/request-code.ts';
import { endTransaction } from '../protocol/requests/end-transaction.ts';
import type { RequestOf } from '../protocol/define-request.ts';
import type { Connection } from '../remoting/connection.ts';
import { clientSettings, milliseconds, positive, wholeNumber } from './client-options.ts';
import { ClusterMasters } from './cluster-masters.ts';
import { MessageSender } from './message-sender.ts';
import type { Message } from './outgoing-message.ts';
import { inTime } from './pause.ts';
import { ProducerMember } from './producer-member.ts';
import { sendSettings } from './producer-options.ts';
import type { SendMetrics } from './send-meter.ts';
import type { SendResult } from './send-result.ts';
import { TransactionChecks, type Answer, type Asker } from './transaction-checks.ts';
import { TransactionOutcomes } from './transaction-outcomes.ts';
import type {
  ExecuteLocalTransaction,
  SentHalf,
  TransactionProducerOptions,
  TransactionSendOptions,
  TransactionSendResult,
} from './transaction-producer-options.ts';
import {
  asLocalTransactionState,
  decisionOf,
  remarkOn,
  type LocalTransactionState,
} from './transaction-state.ts';

interface Outcome {
  state: LocalTransactionState;
  remark?: string;
  /** There when the local transaction threw it. */
  error?: unknown;
}

/** What would hold a committed message back; brokers refuse, or silently drop, either together with a transaction. */
const delayOptions = ['delayTimeLevel', 'delayTimeMs', 'deliverTimeMs'] as const;

/**
 * Sends messages that become visible only when the work they stand for has succeeded.
 *
 * The message is stored first, as a half message that no consumer sees; then the local transaction runs; then the
 * broker is told to deliver the message or to forget it. When it is told nothing, it asks a member of the producer
 * group, which answers by `checkLocalTransaction`. One client never tells two outcomes of one transaction: while the
 * local transaction runs, a check is answered UNKNOW, and what it decided is repeated without asking again.
 *
 * A half message whose answer was lost is sent again, as by Producer, and may then be stored twice: both get the outcome,
 * and both copies carry one msgId.
 */
export class TransactionProducer implements AsyncDisposable {
  readonly producerGroup: string;
  readonly #member: ProducerMember;
  readonly #sender: MessageSender;
  readonly #masters: ClusterMasters;
  readonly #outcomes = new TransactionOutcomes();
  readonly #checks: TransactionChecks;
  readonly #shutdownGraceMs: number;
  #starting: Promise<void> | undefined;

  /** Errors: CONFIG_INVALID, INVALID_ARGUMENT naming the option. */
  constructor(options: TransactionProducerOptions) {
    const { checkLocalTransaction } = options;
    if (typeof checkLocalTransaction !== 'function') {
      throw new MqError(
        'INVALID_ARGUMENT',
        `checkLocalTransaction is a ${typeof checkLocalTransaction}, not a function`,
      );
    }
    const sending = sendSettings(options);
    const settings = clientSettings(options);
    this.producerGroup = sending.producerGroup;
    this.#shutdownGraceMs = milliseconds('shutdownGraceMs', options.shutdownGraceMs ?? 10_000);
    this.#checks = new TransactionChecks({
      producerGroup: this.producerGroup,
      check: checkLocalTransaction,
      concurrency: wholeNumber('checkConcurrency', options.checkConcurrency ?? 20, 1),
      timeoutMs: milliseconds('checkTimeoutMs', options.checkTimeoutMs ?? 60_000),
      maxBodyBytes: positive('maxBodyBytes', options.maxBodyBytes ?? 16 * 1024 * 1024),
      outcomes: this.#outcomes,
      answer: (asker, answer) => this.#answer(asker, answer),
      clock: settings.clock,
      logger: settings.logger,
    });
    this.#member = new ProducerMember(this.producerGroup, settings, {
      processors: new Map([
        [
          RequestCode.CHECK_TRANSACTION_STATE,
          (request, connection): undefined => {
            this.#checks.take(request, connection);
          },
        ],
      ]),
      moreBrokers: () => this.#masters.addresses,
    });
    this.#masters = new ClusterMasters(
      this.#member.client,
      () => void this.#member.heartbeats.announceToUnknown(),
    );
    this.#sender = new MessageSender(this.#member.client, this.#member.watch, sending);
  }

  get clientId(): string {
    return this.#member.client.clientId;
  }

  get isRunning(): boolean {
    return this.#member.isRunning;
  }

  /** Addresses of the brokers that took this producer's latest heartbeat, and so may ask it. */
  knownBrokers(): string[] {
    return this.#member.heartbeats.announcedTo();
  }

  /** Addresses of master brokers that did not. */
  unreachableBrokers(): string[] {
    return this.#member.heartbeats.notAnnouncedTo();
  }

  /**
   * Joins the producer group. When this returns, every master broker may ask this producer, provided that it could be
   * reached within the request timeout; else it keeps trying. A send starts a producer that is not started.
   */
  async start(): Promise<void> {
    this.#begin();
    await this.#starting;
  }

  /**
   * Stores a half message, runs the local transaction (an `ExecuteLocalTransaction`), and tells the broker its outcome.
   *
   * When the half message is not stored as safely as the broker is set to (its status is not SEND_OK), or when it is
   * not known whether it is stored, the local transaction is not run and the message is rolled back. That the broker
   * has learnt the outcome is not known when this returns: if it has not, it asks.
   *
   * Errors: as `Producer.send`, the local transaction has not run then; INVALID_ARGUMENT for a message with a delay;
   *         what the local transaction threw, and INVALID_ARGUMENT when it returned nonsense: both are UNKNOW.
   */
  // R: without it TypeScript 7.0 takes what `async () => 'COMMIT_MESSAGE'` resolves with for any string.
  async sendMessageInTransaction<const R extends LocalTransactionState>(
    message: Message,
    executeLocalTransaction: (sent: SentHalf) => R | Promise<R | LocalTransactionState>,
    options: TransactionSendOptions = {},
  ): Promise<TransactionSendResult> {
    if (typeof executeLocalTransaction !== 'function') {
      throw new MqError(
        'INVALID_ARGUMENT',
        `executeLocalTransaction is a ${typeof executeLocalTransaction}, not a function`,
      );
    }
    assertNotDelayed(message);
    const { checkImmunityTimeSeconds } = options;
    if (checkImmunityTimeSeconds !== undefined) {
      wholeNumber('checkImmunityTimeSeconds', checkImmunityTimeSeconds);
    }
    this.#begin();
    return this.#member.tracked(async () => {
      const sent = await this.#sendHalf(message, options);
      const outcome = await this.#execute(sent, executeLocalTransaction);
      this.#outcomes.settle(sent.msgId, outcome.state);
      await this.#end(message.topic, sent, outcome);
      if ('error' in outcome) throw outcome.error;
      return { ...sent, transactionId: sent.msgId, localTransactionState: outcome.state };
    });
  }

  /** What became of the half messages so far, as plain numbers, to be exported wherever. */
  metrics(): SendMetrics {
    return this.#sender.metrics();
  }

  /**
   * Leaves the group: waits for running local transactions and checks within shutdownGraceMs, and says good-bye, so
   * that brokers ask the other members.
   */
  shutdown(): Promise<void> {
    this.#masters.stop();
    return this.#member.shutdown(async () => {
      const [transactions, checks] = await Promise.all([
        this.#member.idle(this.#shutdownGraceMs),
        this.#checks.stop(this.#shutdownGraceMs),
      ]);
      if (transactions + checks === 0) return;
      this.#member.client.settings.logger.warn(
        'shut down while transactions were running; brokers will ask after them',
        { transactions, checks, shutdownGraceMs: this.#shutdownGraceMs },
      );
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  #begin(): void {
    if (!this.#member.start()) return;
    this.#masters.start();
    this.#starting = this.#firstAnnouncement();
  }

  async #firstAnnouncement(): Promise<void> {
    const { clock, logger, requestTimeoutMs } = this.#member.client.settings;
    const announcement = async (): Promise<void> => {
      await this.#masters.refresh();
      await this.#member.heartbeats.announceToUnknown();
    };
    const late = (): MqError =>
      new MqError('REQUEST_TIMEOUT', `not all brokers answered within ${requestTimeoutMs} ms`);
    try {
      await inTime(clock, clock.monotonicMs() + requestTimeoutMs, announcement(), late);
    } catch (error) {
      if (!MqError.is(error)) throw error;
      logger.warn('the producer starts without all its brokers and goes on trying', {
        producerGroup: this.producerGroup,
        error: error.message,
      });
    }
  }

  /** A half message of which it is not known whether it is stored is rolled back when a broker asks after it. */
  async #sendHalf(message: Message, options: TransactionSendOptions): Promise<SendResult> {
    const deadlineMs = this.#sender.deadline(options);
    const request = await this.#sender.half(message, options.checkImmunityTimeSeconds);
    this.#outcomes.begin(request.msgId);
    try {
      return await this.#sender.deliver(request, message, options, deadlineMs);
    } catch (error) {
      this.#outcomes.settle(request.msgId, 'ROLLBACK_MESSAGE');
      throw error;
    }
  }

  async #execute(
    { status, msgId }: SendResult,
    executeLocalTransaction: ExecuteLocalTransaction,
  ): Promise<Outcome> {
    if (status !== 'SEND_OK') {
      return { state: 'ROLLBACK_MESSAGE', remark: `the half message was answered ${status}` };
    }
    try {
      const state: unknown = await executeLocalTransaction({ msgId, transactionId: msgId });
      return { state: asLocalTransactionState(state, 'executeLocalTransaction') };
    } catch (error) {
      return { state: 'UNKNOW', remark: remarkOn('the local transaction failed', error), error };
    }
  }

  #end(topic: string, sent: SendResult, { state, remark }: Outcome): Promise<void> {
    return this.#tell(sent.msgId, remark, () => ({
      to: this.#sender.addressOf(sent.messageQueue),
      header: {
        topic,
        producerGroup: this.producerGroup,
        tranStateTableOffset: sent.queueOffset,
        commitLogOffset: parseOffsetMsgId(sent.offsetMsgId).commitLogOffset,
        commitOrRollback: decisionOf[state],
        fromTransactionCheck: false,
        msgId: sent.msgId,
        transactionId: sent.msgId,
        brokerName: sent.messageQueue.brokerName,
      },
    }));
  }

  #answer({ connection, header }: Asker, { record, state, remark }: Answer): Promise<void> {
    const { msgId, topic } = record;
    return this.#tell(msgId, remark, () => ({
      // A broker that was restarted meanwhile knows the half message by the same offsets.
      to: connection.isOpen ? connection : connection.peer,
      header: {
        topic,
        producerGroup: this.producerGroup,
        tranStateTableOffset: header.tranStateTableOffset,
        commitLogOffset: header.commitLogOffset,
        commitOrRollback: decisionOf[state],
        fromTransactionCheck: true,
        msgId,
        ...(header.transactionId !== undefined && { transactionId: header.transactionId }),
        ...(header.brokerName !== undefined && { brokerName: header.brokerName }),
      },
    }));
  }

  /** Never rejects: an outcome that does not arrive is asked for again. */
  async #tell(
    msgId: string,
    remark: string | undefined,
    end: () => { to: string | Connection; header: RequestOf<typeof endTransaction> },
  ): Promise<void> {
    const { client } = this.#member;
    try {
      const { to, header } = end();
      await client.oneway(to, endTransaction, header, { remark });
    } catch (error) {
      client.settings.logger.warn(
        'the outcome of a transaction could not be sent; its broker will ask after it',
        { msgId, error },
      );
    }
  }
}

/** Level 0 is no delay; a time of 0 is one that is over. Errors: INVALID_ARGUMENT naming the option. */
function assertNotDelayed(message: Message): void {
  const delay = delayOptions.find((option) => {
    const value = message[option];
    return value !== undefined && !(option === 'delayTimeLevel' && value === 0);
  });
  if (delay === undefined) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `message for ${message.topic}: ${delay} and a transaction exclude each other: a message is delivered at its commit`,
  );
}
