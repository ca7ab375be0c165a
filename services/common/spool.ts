import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { BrokerBreaker } from './broker-breaker.ts';
import { isBrokerAway } from './broker-errors.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { MessageSender } from './mq.module.ts';
import { appendToOutbox } from './outbox.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import { delayUntil, messageOf, type OutgoingEvent } from './outgoing-event.ts';
import { threeTries } from './three-tries.ts';
import { inTransaction } from './transaction.ts';

/**
 * Sends a message that must exist before something else is done, whether or not the broker is there: when three
 * tries have failed, the message is a row of the outbox, and its relay sends it when the broker is back.
 *
 * A try whose answer was lost may have succeeded: then there are two, with one eventId.
 */
export class Spool {
  readonly #dataSource: DataSource;
  readonly #sender: MessageSender;
  readonly #relay: Pick<OutboxRelay, 'wake'>;
  readonly #breaker: BrokerBreaker;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #log: Log;

  constructor(parts: {
    dataSource: DataSource;
    sender: MessageSender;
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

  /** Resolves when the broker or the database has it. Errors: the database's; the client's, for a message no broker would take. */
  async send(event: OutgoingEvent): Promise<void> {
    const eventId = randomUUID();
    if (await this.#sendNow(event, eventId)) return;
    await inTransaction(this.#dataSource, (manager) => appendToOutbox(manager, event, eventId));
    this.#metrics.messagesSpooled.inc();
    this.#relay.wake();
  }

  async #sendNow(event: OutgoingEvent, eventId: string): Promise<boolean> {
    if (!this.#breaker.admits()) return false;
    try {
      const { status, msgId } = await threeTries(
        () =>
          this.#sender.send({
            ...messageOf(event, eventId),
            ...delayUntil(event.deliverAt, this.#clock.now()),
          }),
        isBrokerAway,
      );
      this.#breaker.close();
      // Stored is not enough: any other status says that a crash now could take the message with it.
      if (status === 'SEND_OK') {
        this.#log.info('message sent', { ...about(event), eventId, messageId: msgId });
        return true;
      }
      this.#log.warn('the broker cannot promise a message, it is spooled', {
        ...about(event),
        status,
      });
      return false;
    } catch (error) {
      if (!isBrokerAway(error)) throw error;
      this.#breaker.trip();
      this.#log.warn('the broker is away, a message is spooled', { ...about(event), error });
      return false;
    }
  }
}

function about({ key, topic, tag }: OutgoingEvent): {
  orderNo: string;
  topic: string;
  tag: string;
} {
  return { orderNo: key, topic, tag };
}
