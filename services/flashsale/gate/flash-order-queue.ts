import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { BrokerBreaker } from '../../common/broker-breaker.ts';
import type { Clock } from '../../common/clock.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { Log } from '../../common/log.ts';
import type { Metrics } from '../../common/metrics.ts';
import { OutboxMessage } from '../../common/outbox.ts';
import type { OutboxRelay } from '../../common/outbox-relay.ts';
import { inTransaction } from '../../common/transaction.ts';
import {
  FLASH_ORDERS,
  FLASH_ORDERS_TAG,
  type FlashOrderRequested,
} from '../../contracts/flash-orders.ts';
import { isNotReady, type SaleState } from '../redis/sale-state.ts';
import type { FlashOrderSender } from './flash-order-sender.ts';
import { groupedBy, GroupedWork } from './grouped-work.ts';
import { withinMs } from './within-ms.ts';

/**
 * QUEUED: the message is safe. VOID: it is, too, but the ticket was given up before it was known. NOWHERE: there is no message,
 * and the piece has been given back. UNKNOWN: there may be one; the keeper will find out and, if not, give the piece back.
 */
export type Queueing = 'QUEUED' | 'VOID' | 'NOWHERE' | 'UNKNOWN';

interface Waiting {
  order: FlashOrderRequested;
  askedAtMs: number;
  settle: (queueing: Queueing) => void;
}

/** Of one batch, and so of one message to the broker: some 60 KB. */
const MAX_BATCH_COUNT = 256;
const MAX_RUNNING_COUNT = 8;
const CONFIRM_PAUSE_MS = 100;

interface FlashOrderQueueParts {
  dataSource: DataSource;
  sender: Pick<FlashOrderSender, 'send'>;
  relay: Pick<OutboxRelay, 'wake'>;
  breaker: BrokerBreaker;
  state: Pick<SaleState, 'confirm' | 'giveBack'>;
  /** What the spool may take, and after it Redis. */
  spoolTimeoutMs: number;
  /** After it the keeper, when it builds a sale anew, reckons with no more messages. */
  graceMs: number;
  clock: Clock;
  metrics: Metrics;
  log: Log;
}

/**
 * Puts admitted customers into FLASH_ORDERS, many at a time, and tells Redis that they are safe there.
 *
 * When the broker does not take them they become rows of the outbox, whose relay sends them later. Both may happen to one, or
 * either twice: the keeper knows a ticket by its number. What becomes of a ticket when this process dies is the keeper's
 * business, too: until it is confirmed, Redis has it among the pending.
 */
export class FlashOrderQueue {
  readonly #parts: FlashOrderQueueParts;
  readonly #group = new GroupedWork<Waiting>(
    { maxCount: MAX_BATCH_COUNT, maxRunning: MAX_RUNNING_COUNT },
    (batch) => this.#queue(batch),
  );

  constructor(parts: FlashOrderQueueParts) {
    this.#parts = parts;
  }

  /** `askedAtMs`: before he was admitted, by `performance.now()`. Never rejects. */
  enqueue(order: FlashOrderRequested, askedAtMs: number): Promise<Queueing> {
    return new Promise((settle) => this.#group.add({ order, askedAtMs, settle }));
  }

  async #queue(batch: Waiting[]): Promise<void> {
    const orders = batch.map(({ order }) => order);
    const where = await this.#makeSafe(orders);
    const safeAtMs = performance.now();
    const bySale = groupedBy(batch, ({ order }) => order.saleId);
    await Promise.all(
      Array.from(bySale, async ([saleId, some]) => {
        const ticketNos = some.map(({ order }) => order.ticketNo);
        if (where === 'NOWHERE') await this.#giveBack(saleId, ticketNos);
        const voids = where === 'QUEUED' ? await this.#confirm(saleId, ticketNos) : undefined;
        for (const each of some) {
          each.settle(voids === undefined ? where : this.#queueingOf(each, safeAtMs, voids));
        }
      }),
    );
  }

  async #makeSafe(orders: FlashOrderRequested[]): Promise<'QUEUED' | 'NOWHERE' | 'UNKNOWN'> {
    const { breaker, sender, log } = this.#parts;
    let sent: 'SENT' | 'NOT_SENT' | 'UNKNOWN' = 'NOT_SENT';
    if (breaker.admits()) {
      sent = await sender.send(orders);
      if (sent === 'SENT') {
        breaker.close();
        return 'QUEUED';
      }
      breaker.trip();
    }
    const spooled = await this.#spool(orders);
    if (spooled === 'SENT') return 'QUEUED';
    log.error('flash orders could be neither sent nor spooled', {
      ticketCount: orders.length,
      ticketNo: orders[0]!.ticketNo,
      sent,
      spooled,
    });
    return sent === 'NOT_SENT' && spooled === 'NOT_SENT' ? 'NOWHERE' : 'UNKNOWN';
  }

  /** One row a message, all in one transaction. */
  async #spool(orders: FlashOrderRequested[]): Promise<'SENT' | 'NOT_SENT' | 'UNKNOWN'> {
    const { dataSource, relay, clock, metrics, spoolTimeoutMs, log } = this.#parts;
    const createdAt = clock.now();
    const rows = orders.map((order) => ({
      eventId: randomUUID(),
      topic: FLASH_ORDERS,
      tag: FLASH_ORDERS_TAG,
      messageKey: order.ticketNo,
      body: JSON.stringify(order),
      createdAt,
      deliverAt: null,
    }));
    let isCommitting = false;
    const spooling = inTransaction(dataSource, async (manager) => {
      isCommitting = false;
      await insertInto(manager, OutboxMessage, rows);
      isCommitting = true;
    });
    try {
      await withinMs(spooling, spoolTimeoutMs);
    } catch (error) {
      log.warn('flash orders could not be spooled', { ticketCount: rows.length, error });
      // Only the commit can have happened although it failed; what is still running may come to it yet.
      const isRunning = error instanceof Error && error.name === 'TimeoutError';
      return isCommitting || isRunning ? 'UNKNOWN' : 'NOT_SENT';
    }
    metrics.messagesSpooled.inc(rows.length);
    relay.wake();
    return 'SENT';
  }

  #queueingOf(
    { order, askedAtMs }: Waiting,
    safeAtMs: number,
    voids: ReadonlySet<string> | 'NOT_READY' | 'NO_ANSWER',
  ): Queueing {
    if (voids === 'NO_ANSWER') return 'UNKNOWN';
    if (voids !== 'NOT_READY') return voids.has(order.ticketNo) ? 'VOID' : 'QUEUED';
    // The keeper builds the sale anew. It waits for what was safe in time; what came later it may have given away again.
    return safeAtMs - askedAtMs <= this.#parts.graceMs ? 'QUEUED' : 'UNKNOWN';
  }

  /**
   * Which of them were given up before; NO_ANSWER when Redis did not say in time. Until it has been told, the keeper may give
   * them up: nobody may be promised anything then.
   */
  async #confirm(
    saleId: string,
    ticketNos: readonly string[],
  ): Promise<ReadonlySet<string> | 'NOT_READY' | 'NO_ANSWER'> {
    const { state, spoolTimeoutMs, log } = this.#parts;
    const deadlineMs = performance.now() + spoolTimeoutMs;
    for (;;) {
      try {
        return new Set(await state.confirm(saleId, ticketNos));
      } catch (error) {
        if (isNotReady(error)) return 'NOT_READY';
        if (performance.now() >= deadlineMs) {
          const ticketCount = ticketNos.length;
          log.warn('redis was not told that flash orders are safe', { saleId, ticketCount, error });
          return 'NO_ANSWER';
        }
      }
      await delay(CONFIRM_PAUSE_MS);
    }
  }

  /** Best effort: what it cannot give back is pending, and the keeper's business after a while. */
  async #giveBack(saleId: string, ticketNos: readonly string[]): Promise<void> {
    const { state, log } = this.#parts;
    try {
      await state.giveBack(saleId, ticketNos);
    } catch (error) {
      // Not ready: what there was is gone, and these pieces with it.
      if (isNotReady(error)) return;
      const ticketCount = ticketNos.length;
      log.warn('pieces could not be given back at once', { saleId, ticketCount, error });
    }
  }
}
