import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { newDocumentNo } from '../../common/document-number.ts';
import { DomainError } from '../../common/errors.ts';
import { fingerprintOf } from '../../common/idempotency-key.ts';
import { Gathering } from '../../common/gathering.ts';
import { claimAll, IdempotentRequests, type ClaimKey } from '../../common/idempotent-requests.ts';
import {
  joining,
  MessageTransactions,
  OUTCOME_UNKNOWN,
  type JointWork,
} from '../../common/message-transactions.ts';
import type { MinorUnits } from '../../common/money.ts';
import { asPlaced, placeOrder, pricedItems, type Order, type OrderLine } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderCreated } from './order-announcements.ts';
import { OrderGoods, type Placing } from './order-goods.ts';
import { PlacingLimit } from './placing-limit.ts';
import { RequestCloseCheck } from './request-close-check.ts';

export interface PlaceOrderCommand {
  idempotencyKey: string;
  userId: string;
  lines: readonly OrderLine[];
  couponCode?: string | undefined;
}

/**
 * Places an order once for each idempotency key. Its goods and its coupon are set aside first; then the order, its items and
 * the key commit together, and with them the message that announces it; by then the message that will close it is on its way.
 *
 * Errors: ORDER.BUSY; ORDER.UNKNOWN_SKU, STOCK.INSUFFICIENT, the coupon service's refusals; REQUEST.KEY_REUSED when the key stands for
 *         another order; those of a message transaction. After an error the key is free and nothing stays set aside, unless
 *         the error says that the outcome is unknown.
 */
@Injectable()
export class PlaceOrder {
  readonly #pricing = new Gathering<readonly string[], ReadonlyMap<string, MinorUnits>>({
    work: async (lists) => {
      const prices = await this.orders.prices(this.dataSource.manager, lists.flat());
      return lists.map(() => prices);
    },
  });
  readonly #inserting: JointWork<{ claim: ClaimKey; order: Order }, boolean>;

  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly requests: IdempotentRequests,
    private readonly goods: OrderGoods,
    private readonly transactions: MessageTransactions,
    private readonly requestCloseCheck: RequestCloseCheck,
    private readonly limit: PlacingLimit,
    private readonly clock: Clock,
  ) {
    this.#inserting = transactions.jointly(async (manager, placings) => {
      await claimAll(
        manager,
        placings.map(({ claim }) => claim),
      );
      await this.orders.insert(
        manager,
        placings.map(({ order }) => order),
      );
      return placings.map(() => true);
    });
  }

  execute(command: PlaceOrderCommand): Promise<{ order: Order; isReplay: boolean }> {
    return this.limit.within(() => this.#execute(command));
  }

  async #execute(command: PlaceOrderCommand): Promise<{ order: Order; isReplay: boolean }> {
    const { idempotencyKey, userId, lines, couponCode } = command;
    const items = lines.map(({ sku, quantity }) => [sku, quantity]);
    const request = {
      operation: 'place-order',
      idempotencyKey,
      fingerprint: fingerprintOf([userId, ...items, ...(couponCode ? [couponCode] : [])]),
    };
    const placedAt = this.clock.now();
    let placed: Order | undefined;
    const { resourceNo, isReplay } = await this.requests.perform(
      request,
      newDocumentNo(placedAt),
      async (claim, orderNo) => {
        placed = await this.#place(command, { orderNo, placedAt }, claim);
        return placed !== undefined;
      },
    );
    return { order: placed ?? (await this.#firstAnswer(resourceNo)), isReplay };
  }

  /** Undefined when another request with the key was first. */
  async #place(
    command: PlaceOrderCommand,
    { orderNo, placedAt }: { orderNo: string; placedAt: Date },
    claim: ClaimKey,
  ): Promise<Order | undefined> {
    const { userId, lines, couponCode } = command;
    const placing: Placing = { orderNo, userId, transactionKey: randomUUID() };
    const { transactionKey } = placing;
    const skus = lines.map((line) => line.sku);
    const items = pricedItems(lines, await this.#pricing.add(skus));
    await this.goods.reserve(placing, items);
    let isPlaced = false;
    try {
      const coupon = couponCode && {
        code: couponCode,
        amountMinor: await this.goods.redeem(placing, couponCode),
      };
      const order = placeOrder({ orderNo, userId, items, placedAt, ...(coupon ? { coupon } : {}) });
      isPlaced = await this.transactions.announce<boolean>(
        orderCreated(order),
        async (manager) => {
          // First, so that of two requests at once the second waits here until the first has committed or not.
          if (!(await claim(manager))) return { rollback: false };
          await this.orders.insert(manager, [order]);
          return { commit: true };
        },
        {
          transactionKey,
          first: () => this.requestCloseCheck.execute(order, transactionKey),
          joined: joining(this.#inserting, { claim, order }),
        },
      );
      return isPlaced ? order : undefined;
    } catch (error) {
      // It may be there: its check will ask.
      isPlaced = error instanceof DomainError && error.code === OUTCOME_UNKNOWN;
      throw error;
    } finally {
      if (!isPlaced) await this.goods.release(placing, { coupon: couponCode !== undefined });
    }
  }

  async #firstAnswer(orderNo: string): Promise<Order> {
    const order = await this.orders.find(this.dataSource.manager, orderNo);
    if (order === undefined) {
      throw new Error(
        'an idempotency key is taken and its order is not there; they commit together',
      );
    }
    return asPlaced(order);
  }
}
