import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  OrderlyEventListener,
  type ConsumeOrderlyResult,
  type ReceivedMessage,
} from '../../common/mq.module.ts';
import { OrderlyConsumption, type OrderlyReading } from '../../common/orderly-consumption.ts';
import {
  FLASH_ORDERS,
  FLASH_ORDERS_TAG,
  parseFlashOrderRequested,
  type FlashOrderRequested,
} from '../../contracts/flash-orders.ts';
import { Pace } from '../domain/pace.ts';
import { KeeperMetrics } from '../keeper/keeper-metrics.ts';
import { PlaceTickets } from '../keeper/place-tickets.ts';
import { ParkedMessages } from '../persistence/parked-messages.ts';

export const FLASH_ORDERS_GROUP = 'flashsale-place-orders';

/** As many as the order service takes at once. */
const MAX_BATCH_COUNT = 256;

/**
 * Takes tickets in as they lie in their queues, hundreds at a time, and as fast as the database can: what is too much waits in
 * the broker. In order, because a batch that fails must come again as it was, and until then nothing behind it is better off.
 */
@Injectable()
export class OnFlashOrderRequested {
  readonly #reading: OrderlyReading<FlashOrderRequested>;

  constructor(
    private readonly placeTickets: PlaceTickets,
    private readonly consumption: OrderlyConsumption,
    private readonly pace: Pace,
    private readonly metrics: KeeperMetrics,
    parked: ParkedMessages,
  ) {
    this.#reading = {
      group: FLASH_ORDERS_GROUP,
      parse: parseFlashOrderRequested,
      park: (message, reason) => parked.add(message, reason),
    };
  }

  @OrderlyEventListener({
    topic: FLASH_ORDERS,
    consumerGroup: FLASH_ORDERS_GROUP,
    tags: FLASH_ORDERS_TAG,
    batchCount: MAX_BATCH_COUNT,
    suspendMs: 500,
  })
  handle(
    messages: readonly ReceivedMessage[],
    context: { signal: AbortSignal },
  ): Promise<ConsumeOrderlyResult> {
    return this.consumption.runBatch(messages, this.#reading, async (batch) => {
      const tickets = batch.map(({ event }) => event);
      for (let from = 0; from < tickets.length;) {
        const some = tickets.slice(from, from + this.pace.batchCount);
        await this.#place(some, context.signal);
        from += some.length;
      }
      return 'handled';
    });
  }

  async #place(tickets: readonly FlashOrderRequested[], signal: AbortSignal): Promise<void> {
    const pauseMs = this.pace.begin(tickets.length);
    if (pauseMs > 0) await delay(pauseMs, undefined, { signal });
    const startedMs = performance.now();
    try {
      await this.placeTickets.execute(tickets);
    } finally {
      const tookMs = performance.now() - startedMs;
      this.pace.end(tookMs);
      this.metrics.batchSeconds.observe(tookMs / 1_000);
    }
  }
}
