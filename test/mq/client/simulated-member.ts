import type { FailedMessages } from '../../../mq/client/failed-messages.ts';
import { oneByOneInOrder } from '../../../mq/client/listener-call.ts';
import { createOrdering, type Ordering } from '../../../mq/client/ordering.ts';
import type { MessageListenerOrderly } from '../../../mq/client/orderly-listener.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { GROUP, type SimulatedBroker } from './simulated-broker.ts';
import { SimulatedProcess } from './simulated-process.ts';

/** A member that consumes in order, with the real locks and dispatcher. */
export class SimulatedMember extends SimulatedProcess {
  readonly #ordering: Ordering;

  constructor(
    name: string,
    clock: FakeClock,
    brokers: readonly SimulatedBroker[],
    listener: MessageListenerOrderly,
    graceMs: number,
  ) {
    super(name, clock, brokers, {
      pulling: {
        limits: { maxCount: 20, maxBytes: 1_000_000, maxSpan: 2000 },
        pullBatchSize: 8,
      },
      submit: (deliveries) => this.#ordering.dispatcher.submit(deliveries),
      ordering: () => this.#ordering,
    });
    this.#ordering = createOrdering({
      client: this.client,
      routes: this.routes,
      failed: {} as FailedMessages,
      isShared: true,
      consumerGroup: GROUP,
      call: oneByOneInOrder(listener),
      concurrency: 3,
      suspendCurrentQueueTimeMs: 1_000,
      maxReconsumeTimes: undefined,
      graceMs,
      onLost: (queue) => this.assignment.lockIsLost(queue),
      onGained: (queue) => this.assignment.lockIsGained(queue),
    });
  }

  override async start(): Promise<void> {
    this.#ordering.locks!.start();
    await super.start();
  }

  protected override async finish(graceMs: number): Promise<void> {
    await this.#ordering.dispatcher.stop(graceMs);
  }
}
