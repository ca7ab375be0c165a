import type { MessageQueue } from '../protocol/message-queue.ts';
import { RequestCode } from '../protocol/request-code.ts';
import { clientSettings } from './client-options.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { MessageSender } from './message-sender.ts';
import type { Message } from './outgoing-message.ts';
import { PendingReplies } from './pending-replies.ts';
import { ProducerMember } from './producer-member.ts';
import { sendSettings, type ProducerOptions, type SendOptions } from './producer-options.ts';
import { Requester } from './requester.ts';
import type { SendMetrics } from './send-meter.ts';
import type { SendResult } from './send-result.ts';

/** Unpacked; as consumers take them. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;

/**
 * Sends messages.
 *
 * A send that fails retriably is repeated on another broker first, within one time budget. A repeated send may store
 * the message twice when only the answer was lost: consumers must expect that, and both copies carry one msgId.
 * Messages whose sends are not awaited one by one may be stored in another order. A failed send's `details.stage` says how
 * far it came.
 */
export class Producer implements AsyncDisposable {
  readonly #member: ProducerMember;
  readonly #sender: MessageSender;
  readonly #requester: Requester;

  /** Errors: CONFIG_INVALID, INVALID_ARGUMENT naming the option. */
  constructor(options: ProducerOptions) {
    const settings = sendSettings(options);
    const client = clientSettings(options);
    const { clock, logger } = client;
    const replies = new PendingReplies({ clock, logger, maxBodyBytes: MAX_REPLY_BYTES });
    this.#member = new ProducerMember(settings.producerGroup, client, {
      processors: new Map([
        [
          RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT,
          (request, connection) => replies.take(request, connection),
        ],
      ]),
    });
    this.#sender = new MessageSender(this.#member.client, this.#member.watch, settings);
    this.#requester = new Requester(this.#member, this.#sender, replies);
  }

  get clientId(): string {
    return this.#member.client.clientId;
  }

  get isRunning(): boolean {
    return this.#member.isRunning;
  }

  /** Addresses of the brokers that took this producer's latest heartbeat. */
  knownBrokers(): string[] {
    return this.#member.heartbeats.announcedTo();
  }

  /** Addresses of routed-to brokers that did not. Empty before the first send, which looks up the first route. */
  unreachableBrokers(): string[] {
    return this.#member.heartbeats.notAnnouncedTo();
  }

  /**
   * Needs no name server to be up yet: routes are looked up by the first send to a topic, which also starts a producer
   * that is not started.
   */
  async start(): Promise<void> {
    this.#member.start();
  }

  /**
   * Sends one message and returns where it is stored.
   *
   * Errors: INVALID_ARGUMENT, MESSAGE_ILLEGAL, TOO_MUCH_REQUEST before anything is sent; NO_ROUTE; REQUEST_TIMEOUT when the
   *         budget is used up, REQUEST_ABORTED by `signal` (both leave open whether it was stored); else that of the
   *         last attempt.
   */
  send(message: Message, options: SendOptions = {}): Promise<SendResult> {
    return this.#tracked(async () => {
      const deadline = this.#sender.deadline(options);
      const request = await this.#sender.single(message);
      return this.#sender.deliver(request, message, options, deadline);
    });
  }

  /** Sends one message and settles when the connection has taken it; whether it was stored is never known. Errors: as `send`. */
  sendOneway(message: Message, options: SendOptions = {}): Promise<void> {
    return this.#tracked(async () => {
      const deadline = this.#sender.deadline(options);
      const request = await this.#sender.single(message);
      await this.#sender.handOver(request, message, options, deadline);
    });
  }

  /**
   * Sends messages of one topic in one request; all are stored, in order, in one queue, or none.
   *
   * Errors: as `send`; INVALID_ARGUMENT for messages that cannot share a batch (other topic, delayed).
   */
  sendBatch(messages: readonly Message[], options: SendOptions = {}): Promise<SendResult> {
    return this.#tracked(async () => {
      const deadline = this.#sender.deadline(options);
      const request = this.#sender.batch(messages);
      return this.#sender.deliver(request, messages[0]!, options, deadline);
    });
  }

  /**
   * Sends a message and returns the reply that a consumer of it sends, made by `createReplyMessage`. `timeoutMs`, instead of
   * the producer's sendTimeoutMs, is for both ways. The reply has no offsets: they are −1.
   *
   * Errors: as `send`; REQUEST_TIMEOUT when no reply came, with the stage `waiting for the reply` when the request is stored.
   */
  request(message: Message, options: SendOptions = {}): Promise<ConsumedMessage> {
    return this.#tracked(() => this.#requester.request(message, options));
  }

  /**
   * Takes back a message that waits for its time, by the `recallHandle` of its SendResult; returns its msgId. Brokers of
   * RocketMQ 5.3 and later only, whose own want `recallMessageEnable=true`.
   *
   * Errors: INVALID_ARGUMENT, NO_ROUTE; ILLEGAL_OPERATION when it does not wait any more; NO_PERMISSION,
   *         REQUEST_CODE_NOT_SUPPORTED when the broker recalls nothing.
   */
  recall(
    topic: string,
    recallHandle: string,
    options: Pick<SendOptions, 'timeoutMs' | 'signal'> = {},
  ): Promise<string> {
    return this.#tracked(() => this.#sender.recall(topic, recallHandle, options));
  }

  /** The queues a message to this topic can go to now, sorted. Errors: NO_ROUTE. */
  async queues(topic: string): Promise<MessageQueue[]> {
    this.#member.start();
    return [...(await this.#sender.queues(topic))];
  }

  /** What became of the sends so far, as plain numbers, to be exported wherever. */
  metrics(): SendMetrics {
    return this.#sender.metrics();
  }

  /** Waits for the sends under way, which their own budgets bound, and says good-bye to the brokers. */
  shutdown(): Promise<void> {
    return this.#member.shutdown();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #tracked<T>(send: () => Promise<T>): Promise<T> {
    this.#member.start();
    return this.#member.tracked(send);
  }
}
