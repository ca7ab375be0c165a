import { DomainError } from '../../common/errors.ts';
import type { HttpPeer } from '../../common/http-peer.ts';
import type { PaymentEvent } from '../../contracts/payment-events.ts';

/** Money that is there, as the payment service knows it. */
export type SucceededPayment = Pick<
  PaymentEvent,
  'orderNo' | 'paymentNo' | 'amountMinor' | 'currency'
>;

export type PaymentState = 'NONE' | 'PROCESSING' | SucceededPayment;

/** Asks the payment service how an order's payment stands. A failed one is as good as none. */
export class OrderPayments {
  readonly #payments: HttpPeer;

  constructor(payments: HttpPeer) {
    this.#payments = payments;
  }

  /** Errors: PAYMENT.UNAVAILABLE, whatever came instead of an answer: a refusal says nothing about the order. */
  async stateOf(orderNo: string): Promise<PaymentState> {
    const payments = await this.#paymentsOf(orderNo);
    const succeeded = payments.find(({ status }) => status === 'SUCCEEDED');
    if (succeeded !== undefined) return readPayment(orderNo, succeeded);
    return payments.some(({ status }) => status === 'PROCESSING') ? 'PROCESSING' : 'NONE';
  }

  async #paymentsOf(orderNo: string): Promise<PaymentAnswer[]> {
    const path = `/payments?orderNo=${encodeURIComponent(orderNo)}`;
    let cause: unknown;
    try {
      const { items } = (await this.#payments.get(path)) as { items?: PaymentAnswer[] };
      if (Array.isArray(items)) return items;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      cause = error;
    }
    throw unsaid(orderNo, cause);
  }
}

type PaymentAnswer = Partial<Record<'status' | 'paymentNo' | 'amountMinor' | 'currency', unknown>>;

function readPayment(orderNo: string, answer: PaymentAnswer): SucceededPayment {
  const { paymentNo, amountMinor, currency } = answer;
  const isReadable =
    typeof paymentNo === 'string' &&
    /^[\x21-\x7e]{1,64}$/.test(paymentNo) &&
    typeof amountMinor === 'number' &&
    typeof currency === 'string';
  if (!isReadable) throw unsaid(orderNo);
  return { orderNo, paymentNo, amountMinor, currency };
}

function unsaid(orderNo: string, cause?: unknown): DomainError {
  return new DomainError(
    'PAYMENT.UNAVAILABLE',
    'unavailable',
    `the payment service did not say how the payment of order ${orderNo} stands`,
    { cause },
  );
}
