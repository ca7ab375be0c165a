import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import type { MinorUnits } from '../../common/money.ts';
import { Producer } from '../../common/mq.module.ts';
import { messageOf } from '../../common/outgoing-event.ts';
import { sendByKey } from '../../common/send-by-key.ts';
import { inTransaction } from '../../common/transaction.ts';
import { createdEventIdOf } from '../../contracts/flash-orders.ts';
import { placeOrder, pricedItems, type Order } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderCreated } from './order-announcements.ts';
import { OrderGoods } from './order-goods.ts';
import { RequestCloseCheck } from './request-close-check.ts';

/** An order that a flash sale has admitted. It gets its ticket's number. */
export interface FlashOrder {
  ticketNo: string;
  saleId: string;
  sku: string;
  userId: string;
  quantity: number;
}

export type FlashOrderOutcome =
  | { ticketNo: string; status: 'ORDERED' }
  | { ticketNo: string; status: 'REFUSED'; code: string; reason: string };

type Refusal = Pick<Extract<FlashOrderOutcome, { status: 'REFUSED' }>, 'code' | 'reason'>;

/**
 * Places the orders of a flash sale, hundreds at a time and by the rules of any other: prices, goods set aside first, a check
 * on its way that closes what nobody pays, one transaction, Created. What is refused to one does not keep the others waiting.
 *
 * Once:   the order's number is the ticket's, and the primary key: however often a ticket comes, it has one order and one
 *         Created, which is sent again under the same eventId.
 * Safe:   there is neither half message nor outbox. The message of FLASH_ORDERS that brought the tickets is kept until this has
 *         answered, so whatever it is that a crash has left undone here is done when the same batch comes again.
 * Errors: STOCK.UNAVAILABLE, BROKER.UNAVAILABLE, TRANSACTION.ENDED, the database's: to be asked again, whatever was done.
 */
@Injectable()
export class PlaceFlashOrders {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly goods: OrderGoods,
    private readonly transactions: MessageTransactions,
    private readonly requestCloseCheck: RequestCloseCheck,
    private readonly producer: Producer,
    private readonly clock: Clock,
  ) {}

  /** In the order of `wishes`, in which no ticket comes twice. */
  async execute(wishes: readonly FlashOrder[]): Promise<FlashOrderOutcome[]> {
    const { manager } = this.dataSource;
    const ticketNos = wishes.map(({ ticketNo }) => ticketNo);
    // Not reserved again: the goods of one that was closed meanwhile are gone, and that says nothing against it.
    const known = await this.orders.findAll(manager, await this.orders.knownOf(manager, ticketNos));
    const fresh = wishes.filter(({ ticketNo }) => !known.has(ticketNo));
    const prices = await this.orders.prices(
      manager,
      fresh.map(({ sku }) => sku),
    );
    const placedAt = this.clock.now();
    const { orders, refusals } = priced(fresh, prices, placedAt);
    const placed = await this.#place(orders, placedAt, refusals);
    const all = new Map([...known, ...placed]);
    for (const wish of wishes) {
      const order = all.get(wish.ticketNo);
      if (order !== undefined && !isOf(wish, order)) {
        refusals.set(wish.ticketNo, placedOtherwise(wish));
        all.delete(wish.ticketNo);
      }
    }
    await this.#announce([...all.values()]);
    return ticketNos.map((ticketNo) => {
      const refusal = refusals.get(ticketNo);
      return refusal === undefined
        ? { ticketNo, status: 'ORDERED' }
        : { ticketNo, status: 'REFUSED', ...refusal };
    });
  }

  /** Adds to `refusals` what the stock cannot give. Returns what is placed, by number. */
  async #place(
    orders: readonly Order[],
    placedAt: Date,
    refusals: Map<string, Refusal>,
  ): Promise<ReadonlyMap<string, Order>> {
    if (orders.length === 0) return new Map();
    const reserving = orders.map((order) => ({
      order,
      transactionKey: createdEventIdOf(order.orderNo),
    }));
    const unreserved = await this.goods.reserveBatch(reserving);
    for (const [orderNo, refusal] of unreserved) refusals.set(orderNo, refusal);
    const placing = orders.filter(({ orderNo }) => !unreserved.has(orderNo));
    if (placing.length === 0) return new Map();
    // Of this try alone: one that its check has given up must not commit, and the next may.
    const transactionKey = randomUUID();
    await this.requestCloseCheck.ofBatch(placing, transactionKey, placedAt);
    const newNos = await inTransaction(this.dataSource, async (manager) => {
      await this.transactions.claim(manager, transactionKey);
      return this.orders.insertAll(manager, placing);
    });
    const placed = new Map(placing.map((order) => [order.orderNo, order]));
    const otherNos = [...placed.keys()].filter((orderNo) => !newNos.has(orderNo));
    if (otherNos.length === 0) return placed;
    // Placed at the same time by the same batch, come again elsewhere: they are announced as they are.
    const others = await this.orders.findAll(this.dataSource.manager, otherNos);
    if (others.size < otherNos.length) {
      throw new Error(
        `${otherNos.length} orders were neither inserted nor there: ${others.size} are`,
      );
    }
    return new Map([...placed, ...others]);
  }

  async #announce(orders: readonly Order[]): Promise<void> {
    await sendByKey(
      this.producer,
      orders.map((order) => messageOf(orderCreated(order), createdEventIdOf(order.orderNo))),
    );
  }
}

function priced(
  wishes: readonly FlashOrder[],
  prices: ReadonlyMap<string, MinorUnits>,
  placedAt: Date,
): { orders: Order[]; refusals: Map<string, Refusal> } {
  const orders: Order[] = [];
  const refusals = new Map<string, Refusal>();
  for (const { ticketNo, saleId, sku, userId, quantity } of wishes) {
    try {
      const items = pricedItems([{ sku, quantity }], prices);
      orders.push(placeOrder({ orderNo: ticketNo, userId, saleId, items, placedAt }));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      refusals.set(ticketNo, { code: error.code, reason: error.message });
    }
  }
  return { orders, refusals };
}

function isOf({ saleId, userId, sku, quantity }: FlashOrder, order: Order): boolean {
  const [item] = order.items;
  return (
    order.saleId === saleId &&
    order.userId === userId &&
    order.items.length === 1 &&
    item?.sku === sku &&
    item.quantity === quantity
  );
}

function placedOtherwise({ ticketNo }: FlashOrder): Refusal {
  return {
    code: 'ORDER.PLACED_OTHERWISE',
    reason: `order ${ticketNo} is there, of another sale, user or sku`,
  };
}
