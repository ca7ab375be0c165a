import { DomainError } from '../../common/errors.ts';
import type { MinorUnits } from '../../common/money.ts';
import type { RefundReason, Saga } from './refund-saga.ts';

/** A refund under way: what it is about, and how far it has come. */
export interface Refund extends Saga {
  orderNo: string;
  userId: string;
  paymentNo: string;
  reason: RefundReason;
  refundMinor: MinorUnits;
  /** What the whole order came to. */
  orderTotalMinor: MinorUnits;
  currency: string;
  items: readonly { sku: string; quantity: number }[];
  /** Nothing of the order is left unrefunded after this one. */
  isWhole: boolean;
  requestedAt: Date;
  completedAt?: Date;
}

/** Only such numbers reach a statement: the column is ASCII. */
export function isRefundNo(text: string): boolean {
  return /^[\x21-\x7e]{1,64}$/.test(text);
}

/** Errors: REFUND.EXCEEDS_TOTAL with both amounts: no later try could make sense of it. */
export function refuseMoreThanTotal(
  refund: Pick<Refund, 'refundNo' | 'refundMinor' | 'orderTotalMinor'>,
): void {
  const { refundNo, refundMinor, orderTotalMinor } = refund;
  if (refundMinor <= orderTotalMinor) return;
  throw new DomainError(
    'REFUND.EXCEEDS_TOTAL',
    'invalid',
    `refund ${refundNo} is over ${refundMinor}, its order came to ${orderTotalMinor}`,
  );
}
