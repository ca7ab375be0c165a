import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import { requestFingerprint } from '../domain/idempotency.ts';
import { newOrderNo } from '../domain/order-number.ts';
import { asPlaced, placeOrder, type Order, type OrderLine } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderCreated } from './order-announcements.ts';
import { RequestCloseCheck } from './request-close-check.ts';

export interface PlaceOrderCommand {
  idempotencyKey: string;
  userId: string;
  lines: readonly OrderLine[];
}

/**
 * Places an order once for each idempotency key. The order, its items and the key commit together, and with them the
 * message that announces it; by then the message that will close it is on its way.
 *
 * Errors: ORDER.UNKNOWN_SKU; ORDER.KEY_REUSED when the key stands for another order; those of a message transaction.
 *         After an error the key is free, unless it says that the outcome is unknown.
 */
@Injectable()
export class PlaceOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly transactions: MessageTransactions,
    private readonly requestCloseCheck: RequestCloseCheck,
    private readonly clock: Clock,
  ) {}

  async execute(command: PlaceOrderCommand): Promise<{ order: Order; isReplay: boolean }> {
    const { idempotencyKey } = command;
    const fingerprint = requestFingerprint(command);
    // Spares the broker most replays, and answers them without one; the unique key decides all the same.
    const known = await this.#firstAnswer(idempotencyKey, fingerprint);
    if (known !== undefined) return { order: known, isReplay: true };
    const order = await this.#priced(command);
    const placed = await this.transactions.announce(
      orderCreated(order),
      async (manager) => {
        // First, so that of two requests at once the second waits here until the first has committed or not.
        const isFirst = await this.orders.claimKey(manager, {
          idempotencyKey,
          requestFingerprint: fingerprint,
          orderNo: order.orderNo,
          createdAt: order.placedAt,
        });
        if (!isFirst) return { rollback: undefined };
        await this.orders.insert(manager, order);
        return { commit: order };
      },
      { first: (transactionKey) => this.requestCloseCheck.execute(order, transactionKey) },
    );
    if (placed !== undefined) return { order: placed, isReplay: false };
    const first = await this.#firstAnswer(idempotencyKey, fingerprint);
    if (first === undefined) throw new Error('an idempotency key was taken and is not there');
    return { order: first, isReplay: true };
  }

  /** Before any message: the announcement tells what the order costs. */
  async #priced({ userId, lines }: PlaceOrderCommand): Promise<Order> {
    const placedAt = this.clock.now();
    const skus = lines.map((line) => line.sku);
    const prices = await this.orders.prices(this.dataSource.manager, skus);
    return placeOrder({ orderNo: newOrderNo(placedAt), userId, lines, prices, placedAt });
  }

  /** Undefined when the key stands for no order yet. */
  async #firstAnswer(idempotencyKey: string, fingerprint: string): Promise<Order | undefined> {
    const { manager } = this.dataSource;
    const claim = await this.orders.findKey(manager, idempotencyKey);
    if (claim === null) return undefined;
    if (claim.requestFingerprint !== fingerprint) {
      throw new DomainError(
        'ORDER.KEY_REUSED',
        'conflict',
        `this Idempotency-Key stands for order ${claim.orderNo}, which was placed with another body; use a new key for a new order`,
      );
    }
    const order = await this.orders.find(manager, claim.orderNo);
    if (order === undefined) {
      throw new Error(
        'an idempotency key is taken and its order is not there; they commit together',
      );
    }
    return asPlaced(order);
  }
}
