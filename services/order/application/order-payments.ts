import { DomainError } from '../../common/errors.ts';
import type { HttpPeer } from '../../common/http-peer.ts';

export type PaymentState = 'NONE' | 'PROCESSING' | 'SUCCEEDED';

/** Asks the payment service how an order's payment stands. A failed one is as good as none. */
export class OrderPayments {
  readonly #payments: HttpPeer;

  constructor(payments: HttpPeer) {
    this.#payments = payments;
  }

  /** Errors: PAYMENT.UNAVAILABLE, whatever came instead of an answer: a refusal says nothing about the order. */
  async stateOf(orderNo: string): Promise<PaymentState> {
    const states = (await this.#paymentsOf(orderNo)).map(({ status }) => status);
    if (states.includes('SUCCEEDED')) return 'SUCCEEDED';
    return states.includes('PROCESSING') ? 'PROCESSING' : 'NONE';
  }

  async #paymentsOf(orderNo: string): Promise<{ status?: unknown }[]> {
    const path = `/payments?orderNo=${encodeURIComponent(orderNo)}`;
    let cause: unknown;
    try {
      const { items } = (await this.#payments.get(path)) as { items?: { status?: unknown }[] };
      if (Array.isArray(items)) return items;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      cause = error;
    }
    throw new DomainError(
      'PAYMENT.UNAVAILABLE',
      'unavailable',
      `the payment service did not say how the payment of order ${orderNo} stands`,
      { cause },
    );
  }
}
