import { performance } from 'node:perf_hooks';
import type { Handling } from './consumption.ts';
import { DomainError } from './errors.ts';
import type { Log } from './log.ts';
import type { DeliveryOutcome, Metrics } from './metrics.ts';
import type { ConsumeOrderlyResult, ReceivedMessage } from './mq.module.ts';

export interface OrderlyReading<T> {
  group: string;
  /** Errors: a DomainError of kind invalid for a body that no later try could read. */
  parse: (body: string) => T;
  /**
   * Keeps a message that nobody can read, where an operator finds it, and is done when it is kept: the queue goes on
   * behind it. May be called again for the same message. Its error suspends the queue, as every other does.
   */
  park: (message: ReceivedMessage, reason: string) => Promise<void>;
}

/** One event of a batch, and the message that brought it. */
export interface Delivered<T> {
  event: T;
  message: ReceivedMessage;
}

/** What a handler says of a batch: the same of all its events, or of each. */
export type BatchHandling = Handling | readonly Handling[];

/**
 * Reads messages that come in order, hands their events on, and decides whether the queue moves on; every orderly consumer
 * of the services goes through here.
 *
 * An error of whatever kind suspends the queue for a moment, and the same messages come again, as often as it takes: to
 * pass one over would be to let a later change of the same thing in before it. So a handler must not refuse for good what
 * it has understood, and must bear to see again what it has done. Only what cannot be read is passed over, parked.
 */
export class OrderlyConsumption {
  readonly #log: Log;
  readonly #metrics: Metrics;

  constructor(parts: { log: Log; metrics: Metrics }) {
    this.#log = parts.log;
    this.#metrics = parts.metrics;
  }

  /** For a listener of one message at a time. Never throws for what the message or its handling is at fault. */
  run<T>(
    message: ReceivedMessage,
    reading: OrderlyReading<T>,
    handle: (event: T, log: Log) => Promise<Handling>,
  ): Promise<ConsumeOrderlyResult> {
    return this.runBatch([message], reading, ([delivered], log) => handle(delivered!.event, log));
  }

  /**
   * For a listener of batches: `messages` are of one queue. The handler gets those that can be read, in order, all at once
   * and at least one; its error means all of the batch again.
   */
  async runBatch<T>(
    messages: readonly ReceivedMessage[],
    reading: OrderlyReading<T>,
    handle: (batch: readonly Delivered<T>[], log: Log) => Promise<BatchHandling>,
  ): Promise<ConsumeOrderlyResult> {
    const { group } = reading;
    const startedAtMs = performance.now();
    const log = this.#log.with({ group, ...placeOf(messages) });
    try {
      const { batch, unreadable } = read(messages, reading);
      const handling = batch.length === 0 ? [] : await handle(batch, log);
      // Last: what was parked stays parked, and should be told of once.
      for (const { message, reason } of unreadable) await this.#park(message, reason, reading, log);
      this.#handled(batch, handling, group, log);
      return 'SUCCESS';
    } catch (error) {
      log.error('messages not handled, their queue is suspended', {
        code: error instanceof DomainError ? error.code : undefined,
        tries: (messages[0]?.reconsumeTimes ?? 0) + 1,
        error,
      });
      this.#count(group, 'suspended', messages.length);
      return 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
    } finally {
      this.#metrics.consumeSeconds.observe({ group }, (performance.now() - startedAtMs) / 1_000);
    }
  }

  async #park<T>(
    message: ReceivedMessage,
    reason: string,
    { group, park }: OrderlyReading<T>,
    log: Log,
  ): Promise<void> {
    await park(message, reason);
    log.error('message cannot be read, it is parked and its queue goes on', {
      messageId: message.msgId,
      orderNo: message.keys[0],
      queueOffset: message.queueOffset,
      reason,
    });
    this.#count(group, 'parked', 1);
  }

  #handled(
    batch: readonly Delivered<unknown>[],
    handling: BatchHandling,
    group: string,
    log: Log,
  ): void {
    const eventCount = batch.length;
    const counts = new Map<Handling, number>();
    const each =
      typeof handling === 'string' ? Array.from({ length: eventCount }, () => handling) : handling;
    for (const outcome of each) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    for (const [outcome, count] of counts) this.#count(group, outcome, count);
    if (eventCount === 0) return;
    // One line for all: a line each would cost more than the events, where they come by the thousand.
    const orderNos = [...new Set(batch.map(({ message }) => message.keys[0]))];
    const orders = orderNos.length > 1 ? { orderNos } : {};
    log.info('events handled', { ...Object.fromEntries(counts), ...orders });
  }

  #count(group: string, outcome: DeliveryOutcome, count: number): void {
    this.#metrics.messagesConsumed.inc({ group, outcome }, count);
  }
}

function read<T>(
  messages: readonly ReceivedMessage[],
  { parse }: OrderlyReading<T>,
): { batch: Delivered<T>[]; unreadable: { message: ReceivedMessage; reason: string }[] } {
  const batch: Delivered<T>[] = [];
  const unreadable: { message: ReceivedMessage; reason: string }[] = [];
  for (const message of messages) {
    try {
      batch.push({ event: parse(message.text()), message });
    } catch (error) {
      // Any other error is a mistake of the reader's, which its next release may mend.
      if (!(error instanceof DomainError) || error.kind !== 'invalid') throw error;
      unreadable.push({ message, reason: `${error.code}: ${error.message}` });
    }
  }
  return { batch, unreadable };
}

/** Where these messages of one queue lie, and the ids by which one is found elsewhere in the log. */
function placeOf(messages: readonly ReceivedMessage[]): Record<string, unknown> {
  const [first] = messages;
  if (first === undefined) return {};
  const { topic, queueId, queueOffset } = first;
  if (messages.length === 1) {
    return { topic, queueId, queueOffset, messageId: first.msgId, orderNo: first.keys[0] };
  }
  const lastQueueOffset = messages.at(-1)?.queueOffset;
  return { topic, queueId, queueOffset, lastQueueOffset, messageCount: messages.length };
}
