import { DomainError } from '../../common/errors.ts';
import { sumOf, type MinorUnits } from '../../common/money.ts';
import type { Payment } from './payment.ts';

export const refundStatuses = ['PROCESSING', 'SUCCEEDED', 'FAILED'] as const;
export type RefundStatus = (typeof refundStatuses)[number];

/** Money of a payment that goes back. */
export interface PaymentRefund {
  refundNo: string;
  paymentNo: string;
  orderNo: string;
  amountMinor: MinorUnits;
  status: RefundStatus;
  /** It has FAILED and no money has gone back for certain. Of one that was given up nobody knows. */
  isRefused: boolean;
  /** How often the channel was asked. */
  attemptCount: number;
  lastError?: string;
  /** The message that is being acted upon: when it has been given up, only another one begins anew. */
  eventId: string;
  createdAt: Date;
  updatedAt: Date;
}

/** Every move a refund may make. Of a FAILED one the channel's answer may still come: late, and true all the same. */
const moves: Readonly<Record<RefundStatus, readonly RefundStatus[]>> = {
  PROCESSING: ['SUCCEEDED', 'FAILED'],
  FAILED: ['PROCESSING', 'SUCCEEDED'],
  SUCCEEDED: [],
};

/** Errors: REFUND.ILLEGAL_MOVE naming the state the refund is in. */
export function decideRefundMove(refund: PaymentRefund, to: RefundStatus): 'moved' | 'repeated' {
  if (refund.status === to) return 'repeated';
  if (moves[refund.status].includes(to)) return 'moved';
  throw new DomainError(
    'REFUND.ILLEGAL_MOVE',
    'conflict',
    `refund ${refund.refundNo} is ${refund.status} and cannot become ${to}`,
  );
}

/** What a refund is of. */
export interface RefundWish {
  refundNo: string;
  paymentNo: string;
  orderNo: string;
  refundMinor: MinorUnits;
  currency: string;
}

/**
 * Says why so much of a payment cannot go back; undefined when it can. `others` are the other refunds of the payment: those
 * of which money has gone back, or may have, count.
 *
 * Errors: PAYMENT.NOT_SETTLED while nobody knows whether there is money to give back.
 */
export function obstacleTo(
  wish: RefundWish,
  payment: Payment,
  others: readonly PaymentRefund[],
): string | undefined {
  const { paymentNo } = payment;
  if (payment.status === 'PROCESSING') {
    throw new DomainError(
      'PAYMENT.NOT_SETTLED',
      'unavailable',
      `payment ${paymentNo} is PROCESSING, it can be refunded when it has SUCCEEDED`,
    );
  }
  if (payment.status !== 'SUCCEEDED') {
    return `payment ${paymentNo} is ${payment.status}, nothing was paid`;
  }
  if (wish.orderNo !== payment.orderNo) {
    return `payment ${paymentNo} is of order ${payment.orderNo}, not ${wish.orderNo}`;
  }
  if (wish.currency !== payment.currency) {
    return `payment ${paymentNo} is in ${payment.currency}, not in ${wish.currency}`;
  }
  const counted = others.filter(({ isRefused }) => !isRefused);
  const sum = sumOf([...counted.map(({ amountMinor }) => amountMinor), wish.refundMinor]);
  return sum <= payment.amountMinor
    ? undefined
    : `the refunds would come to ${sum}, payment ${paymentNo} is over ${payment.amountMinor}`;
}

/** Does this number stand for another refund? */
export function isOther(refund: PaymentRefund, wish: RefundWish): boolean {
  return (
    refund.paymentNo !== wish.paymentNo ||
    refund.orderNo !== wish.orderNo ||
    refund.amountMinor !== wish.refundMinor
  );
}
