import { DomainError } from '../../common/errors.ts';
import type { HttpPeer } from '../../common/http-peer.ts';
import type { PayableOrder } from '../domain/payment.ts';

/** Asks the order service what is to be paid. */
export class PayableOrders {
  readonly #orders: HttpPeer;

  constructor(orders: HttpPeer) {
    this.#orders = orders;
  }

  /** Errors: ORDER.NOT_FOUND, ORDER.UNAVAILABLE. */
  async find(orderNo: string): Promise<PayableOrder> {
    const answer = await this.#orders.get(`/orders/${encodeURIComponent(orderNo)}`);
    const { status, totalMinor, currency } = (answer ?? {}) as Record<string, unknown>;
    if (
      typeof status === 'string' &&
      typeof totalMinor === 'number' &&
      Number.isSafeInteger(totalMinor) &&
      typeof currency === 'string'
    ) {
      return { orderNo, status, totalMinor, currency };
    }
    throw new DomainError(
      'ORDER.UNAVAILABLE',
      'unavailable',
      'the order service did not say what is to be paid, try again',
    );
  }
}
