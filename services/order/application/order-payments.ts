import type { HttpPeer } from '../../common/http-peer.ts';

export type PaymentState = 'NONE' | 'PROCESSING' | 'SUCCEEDED';

/** Asks the payment service how an order's payment stands. A failed one is as good as none. */
export class OrderPayments {
  readonly #payments: HttpPeer;

  constructor(payments: HttpPeer) {
    this.#payments = payments;
  }

  /** Errors: PAYMENT.UNAVAILABLE. */
  async stateOf(orderNo: string): Promise<PaymentState> {
    const answer = await this.#payments.get(`/payments?orderNo=${encodeURIComponent(orderNo)}`);
    const { items = [] } = answer as { items?: { status?: unknown }[] };
    const states = items.map(({ status }) => status);
    if (states.includes('SUCCEEDED')) return 'SUCCEEDED';
    return states.includes('PROCESSING') ? 'PROCESSING' : 'NONE';
  }
}
