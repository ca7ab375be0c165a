import { DomainError } from '../../common/errors.ts';
import type { MinorUnits } from '../../common/money.ts';
import { decideMove, type PaymentStatus } from './payment-status.ts';

/** One try to have an order paid. An order may have several, of which at most one has not FAILED. */
export interface Payment {
  paymentNo: string;
  orderNo: string;
  amountMinor: MinorUnits;
  currency: string;
  status: PaymentStatus;
  /** The channel's own number of it, known when it has told how it went. */
  chargeNo?: string;
  createdAt: Date;
  settledAt?: Date;
  /** Why it failed, for people. */
  failure?: string;
}

/** How a payment ended, from whomever it was heard. */
export interface Settlement {
  outcome: 'SUCCEEDED' | 'FAILED';
  /** Of which money the channel speaks; absent when it never came to a charge. */
  charge?: { chargeNo: string; amountMinor: MinorUnits; currency: string };
  settledAt: Date;
  failure?: string;
}

/** What the order service says about an order, as far as a payment needs it. */
export interface PayableOrder {
  orderNo: string;
  status: string;
  totalMinor: MinorUnits;
  currency: string;
}

/** Errors: PAYMENT.NOT_PAYABLE naming the state the order is in. */
export function requestPayment(order: PayableOrder, paymentNo: string, createdAt: Date): Payment {
  const { orderNo, status, totalMinor: amountMinor, currency } = order;
  const why =
    status !== 'PENDING'
      ? `is ${status}, only a PENDING one can be paid`
      : amountMinor < 1
        ? `is PENDING, but it comes to ${amountMinor} ${currency} and there is nothing to be paid`
        : undefined;
  if (why !== undefined) {
    throw new DomainError('PAYMENT.NOT_PAYABLE', 'conflict', `order ${orderNo} ${why}`);
  }
  return { paymentNo, orderNo, amountMinor, currency, status: 'PROCESSING', createdAt };
}

/** Refuses a second payment of an order. */
export function alreadyLive({ paymentNo, orderNo, status }: Payment): DomainError {
  const isPaid = status === 'SUCCEEDED';
  return new DomainError(
    isPaid ? 'PAYMENT.ALREADY_PAID' : 'PAYMENT.UNDER_WAY',
    'conflict',
    `payment ${paymentNo} of order ${orderNo} is ${status}` +
      (isPaid ? '' : '; should it fail, another can be made'),
  );
}

/** Errors: CALLBACK.WRONG_AMOUNT naming both amounts. */
export function checkAmount(payment: Payment, { charge }: Settlement): void {
  if (charge === undefined) return;
  const { amountMinor, currency } = charge;
  if (amountMinor === payment.amountMinor && currency === payment.currency) return;
  throw new DomainError(
    'CALLBACK.WRONG_AMOUNT',
    'conflict',
    `payment ${payment.paymentNo} is over ${payment.amountMinor} ${payment.currency}, ` +
      `the channel speaks of ${amountMinor} ${currency}`,
  );
}

/** Errors: PAYMENT.CONTRADICTION. A payment that has ended this way already comes back as it is. */
export function settlePayment(
  payment: Payment,
  settlement: Settlement,
): { payment: Payment; isRepeat: boolean } {
  const { outcome, charge, settledAt, failure } = settlement;
  if (decideMove(payment.paymentNo, payment.status, outcome) === 'repeated') {
    return { payment, isRepeat: true };
  }
  const settled: Payment = {
    ...payment,
    status: outcome,
    settledAt,
    ...(charge === undefined ? {} : { chargeNo: charge.chargeNo }),
    ...(outcome === 'FAILED' ? { failure: failure ?? 'the channel has declined it' } : {}),
  };
  return { payment: settled, isRepeat: false };
}
