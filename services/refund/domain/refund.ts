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
