import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import { inTransaction } from '../../common/transaction.ts';
import { requestFingerprint } from '../domain/idempotency.ts';
import { newOrderNo } from '../domain/order-number.ts';
import { asPlaced, placeOrder, type Order, type OrderLine } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderCreated } from './order-announcements.ts';

export interface PlaceOrderCommand {
  idempotencyKey: string;
  userId: string;
  lines: readonly OrderLine[];
}

/**
 * Places an order once for each idempotency key; the order, its items, the key and the message commit together.
 *
 * Errors: ORDER.UNKNOWN_SKU; ORDER.KEY_REUSED when the key stands for another order. After an error the key is free.
 */
@Injectable()
export class PlaceOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  async execute(command: PlaceOrderCommand): Promise<{ order: Order; isReplay: boolean }> {
    const { idempotencyKey, userId, lines } = command;
    const placedAt = this.clock.now();
    const orderNo = newOrderNo(placedAt);
    const fingerprint = requestFingerprint(command);
    const placed = await inTransaction(this.dataSource, async (manager) => {
      // First, so that of two requests at once the second waits here until the first has committed or not.
      const isFirst = await this.orders.claimKey(manager, {
        idempotencyKey,
        requestFingerprint: fingerprint,
        orderNo,
        createdAt: placedAt,
      });
      if (!isFirst) return undefined;
      const prices = await this.orders.prices(
        manager,
        lines.map((line) => line.sku),
      );
      const order = placeOrder({ orderNo, userId, lines, prices, placedAt });
      await this.orders.insert(manager, order);
      await appendToOutbox(manager, orderCreated(order));
      return order;
    });
    if (placed === undefined) {
      return { order: await this.#firstAnswer(idempotencyKey, fingerprint), isReplay: true };
    }
    this.relay.wake();
    return { order: placed, isReplay: false };
  }

  async #firstAnswer(idempotencyKey: string, fingerprint: string): Promise<Order> {
    const { manager } = this.dataSource;
    const claim = await this.orders.findKey(manager, idempotencyKey);
    if (claim !== null && claim.requestFingerprint !== fingerprint) {
      throw new DomainError(
        'ORDER.KEY_REUSED',
        'conflict',
        `this Idempotency-Key stands for order ${claim.orderNo}, which was placed with another body; use a new key for a new order`,
      );
    }
    const order = claim === null ? undefined : await this.orders.find(manager, claim.orderNo);
    if (order === undefined) {
      throw new Error(
        'an idempotency key is taken and its order is not there; they commit together',
      );
    }
    return asPlaced(order);
  }
}
