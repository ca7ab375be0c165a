import { DomainError, isUnavailable } from '../../common/errors.ts';
import type { HttpPeer } from '../../common/http-peer.ts';
import type { Log } from '../../common/log.ts';
import type { MinorUnits } from '../../common/money.ts';
import { bySku, type Order, type OrderLine } from '../domain/order.ts';

/** What an order that is about to be placed asks others to set aside. */
export interface Placing {
  orderNo: string;
  userId: string;
  /** By which the others find out, should they not hear, whether the order came to be. */
  transactionKey: string;
}

/**
 * Sets goods and a coupon aside before an order is placed. Each of the two services looks after what it has set aside: by a
 * delayed message it asks whether the order came to be, and lets go if not. `release` only lets it happen sooner.
 */
export class OrderGoods {
  readonly #stock: HttpPeer;
  readonly #patientStock: HttpPeer;
  readonly #coupons: HttpPeer;
  readonly #log: Log;

  /** `patientStock`: with more time, for batches: behind these it is a queue that waits, and to give up early is work lost. */
  constructor(
    { stock, patientStock, coupons }: Record<'stock' | 'patientStock' | 'coupons', HttpPeer>,
    log: Log,
  ) {
    this.#stock = stock;
    this.#patientStock = patientStock;
    this.#coupons = coupons;
    this.#log = log;
  }

  /** Errors: STOCK.INSUFFICIENT, and nothing is reserved; STOCK.UNAVAILABLE, and it may be: it is to be released. */
  async reserve(placing: Placing, items: readonly OrderLine[]): Promise<void> {
    const { orderNo, transactionKey } = placing;
    try {
      await this.#stock.post('/reservations', { orderNo, transactionKey, items: bySku(items) });
    } catch (error) {
      // Who was too slow to reserve is probably too slow to release: the customer has waited long enough.
      if (isUnavailable(error)) void this.release(placing, { coupon: false });
      throw error;
    }
  }

  /**
   * The same for orders of a flash sale, each with its `transactionKey`: what stands against it, of those that get nothing. No
   * check looks after these: they are placed, or reserved again.
   *
   * Errors: STOCK.UNAVAILABLE, and nobody knows what is reserved: to be asked again.
   */
  async reserveBatch(
    placings: readonly { order: Order; transactionKey: string }[],
  ): Promise<ReadonlyMap<string, { code: string; reason: string }>> {
    const reservations = placings.map(({ order: { orderNo, items }, transactionKey }) => ({
      orderNo,
      transactionKey,
      items: bySku(items),
    }));
    const answer = await this.#patientStock.post('/reservation-batches', { reservations });
    const { items } = (answer ?? {}) as { items?: unknown };
    const outcomes = (Array.isArray(items) ? items : []) as Partial<BatchOutcome>[];
    const refusals = new Map<string, { code: string; reason: string }>();
    for (const [index, { orderNo }] of reservations.entries()) {
      const { orderNo: answered, status, reason = 'refused' } = outcomes[index] ?? {};
      if (answered !== orderNo || status === undefined) throw noWord(orderNo);
      if (status !== 'RESERVED') refusals.set(orderNo, { code: `STOCK.${status}`, reason });
    }
    return refusals;
  }

  /** What the coupon is worth. Errors: those of the coupon service for one that cannot be used; COUPON.UNAVAILABLE. */
  async redeem(placing: Placing, code: string): Promise<MinorUnits> {
    const answer = await this.#coupons.post('/redemptions', { ...placing, code });
    const { amountMinor } = answer as { amountMinor?: unknown };
    if (typeof amountMinor === 'number' && Number.isSafeInteger(amountMinor) && amountMinor > 0) {
      return amountMinor;
    }
    throw new DomainError(
      'COUPON.UNAVAILABLE',
      'unavailable',
      'coupon did not say what the coupon is worth, try again',
    );
  }

  /** For an order that will not be. Never throws. */
  async release({ orderNo }: Placing, what: { coupon: boolean }): Promise<void> {
    const peers = what.coupon
      ? [[this.#stock, 'reservations'] as const, [this.#coupons, 'redemptions'] as const]
      : [[this.#stock, 'reservations'] as const];
    const releases = peers.map(([peer, path]) => peer.post(`/${path}/${orderNo}/release`, {}));
    for (const result of await Promise.allSettled(releases)) {
      if (result.status === 'fulfilled') continue;
      this.#log.warn('what was set aside stays so until its check', {
        orderNo,
        error: result.reason as unknown,
      });
    }
  }
}

/** What the stock service says of an order of a batch. */
interface BatchOutcome {
  orderNo: string;
  status: string;
  reason: string;
}

function noWord(orderNo: string): DomainError {
  return new DomainError(
    'STOCK.UNAVAILABLE',
    'unavailable',
    `stock did not say what became of order ${orderNo}, try again`,
  );
}
