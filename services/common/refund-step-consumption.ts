import {
  parseRefundStepDue,
  type RefundStep,
  type RefundStepDue,
} from '../contracts/refund-events.ts';
import { refundStepResult } from '../contracts/refund-step-results.ts';
import type { Clock } from './clock.ts';
import type { Consumption, Handling } from './consumption.ts';
import type { Inbox, IncomingEvent } from './inbox.ts';
import type { ConsumeResult, ReceivedMessage } from './mq.module.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import { appendToOutbox } from './outbox.ts';

/**
 * Consumes the steps of refunds that a service does. The refund service waits for a result of each: of one that is refused
 * for good, and so will never be done, it is told Failed with the reason, and lists the refund for an operator, who can have
 * the step sent again. One that only has to wait is tried again for as long as it takes, as every dead letter is.
 */
export class RefundStepConsumption {
  readonly #consumption: Consumption;
  readonly #inbox: Inbox;
  readonly #relay: Pick<OutboxRelay, 'wake'>;
  readonly #clock: Clock;

  constructor(parts: {
    consumption: Consumption;
    inbox: Inbox;
    relay: Pick<OutboxRelay, 'wake'>;
    clock: Clock;
  }) {
    this.#consumption = parts.consumption;
    this.#inbox = parts.inbox;
    this.#relay = parts.relay;
    this.#clock = parts.clock;
  }

  run(
    message: ReceivedMessage,
    { group, step }: { group: string; step: RefundStep },
    handle: (due: RefundStepDue, incoming: IncomingEvent) => Promise<Handling>,
  ): Promise<ConsumeResult> {
    const incoming = (consumerGroup: string, { eventId }: RefundStepDue): IncomingEvent => ({
      consumerGroup,
      eventId,
      messageId: message.msgId,
    });
    const reading = {
      group,
      parse: parseRefundStepDue(step),
      // Under a name of its own: redriven by an operator, the step itself is still to be done.
      refused: (due: RefundStepDue, reason: string) =>
        this.#tell(due, reason, incoming(`${group}-refused`, due)),
    };
    return this.#consumption.run(message, reading, (due) => handle(due, incoming(group, due)));
  }

  async #tell(due: RefundStepDue, note: string, incoming: IncomingEvent): Promise<void> {
    await this.#inbox.once(incoming, async (manager) => {
      const at = this.#clock.now();
      await appendToOutbox(manager, refundStepResult(due, { type: 'Failed', note, at }));
    });
    this.#relay.wake();
  }
}
