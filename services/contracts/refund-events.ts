/**
 * REFUND_EVENTS: what the refund service asks for and tells, step by step. Key: the order number.
 *
 * Sent through its outbox, in the order of the steps. Copies: a message may arrive more than once, also after an operator
 * has had a step tried again; `eventId` differs then, `refundNo` and `type` do not: a step has its effect once per refund.
 * Tags: one per type, so that each service is given its own step only. Body: JSON, UTF-8.
 */
import type { MinorUnits } from '../common/money.ts';
import {
  booleanOf,
  fieldsOf,
  itemsOf,
  keyOf,
  poison,
  textOf,
  timeOf,
  typeOf,
  wholeNumberOf,
} from './message-body.ts';

export const REFUND_EVENTS = 'REFUND_EVENTS';

/** The steps in the order in which they are done, each with the service that does it. */
export const RefundStep = {
  /** warehouse: cancel what has not been shipped, or wait for the return receipt */
  ReturnGoods: 'ReturnGoods',
  /** stock: back on the shelf */
  Restock: 'Restock',
  /** points: what the purchase has earned is taken back */
  DeductPoints: 'DeductPoints',
  /** coupon: the coupon and red packet it has earned; the coupon it used is given back when all is refunded */
  RecallCoupon: 'RecallCoupon',
  /** payment: through the channel */
  ReturnMoney: 'ReturnMoney',
} as const;
export type RefundStep = (typeof RefundStep)[keyof typeof RefundStep];

/** Tag of the last event: every step is done. */
export const REFUND_COMPLETED = 'Completed';

export interface RefundFacts {
  eventId: string;
  refundNo: string;
  orderNo: string;
  userId: string;
  paymentNo: string;
  refundMinor: MinorUnits;
  /** What the whole order came to: shares of what it earned are measured by it. */
  orderTotalMinor: MinorUnits;
  currency: string;
  /** When it happened, ISO 8601 in UTC. */
  occurredAt: string;
}

export interface RefundStepDue extends RefundFacts {
  type: RefundStep;
  items: readonly { sku: string; quantity: number }[];
  isWhole: boolean;
}

export interface RefundCompleted extends RefundFacts {
  type: typeof REFUND_COMPLETED;
}

/** For the service that does this step. Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseRefundStepDue(step: RefundStep): (body: string) => RefundStepDue {
  return (body) => {
    const { fields, facts, type } = read(body);
    if (type !== step) throw poison(`type is ${type}, it must be ${step}`);
    return {
      ...facts,
      type: step,
      // Money that came too late comes back without goods.
      items: Array.isArray(fields['items']) && fields['items'].length === 0 ? [] : itemsOf(fields),
      isWhole: booleanOf(fields, 'isWhole'),
    };
  };
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseRefundCompleted(body: string): RefundCompleted {
  const { facts, type } = read(body);
  if (type !== REFUND_COMPLETED) throw poison(`type is ${type}, it must be ${REFUND_COMPLETED}`);
  return { ...facts, type };
}

function read(body: string) {
  const fields = fieldsOf(body);
  const type = typeOf(fields, [...Object.values(RefundStep), REFUND_COMPLETED]);
  const facts: RefundFacts = {
    eventId: textOf(fields, 'eventId'),
    refundNo: keyOf(fields, 'refundNo'),
    orderNo: keyOf(fields, 'orderNo'),
    userId: textOf(fields, 'userId'),
    paymentNo: keyOf(fields, 'paymentNo'),
    refundMinor: wholeNumberOf(fields, 'refundMinor', 0),
    orderTotalMinor: wholeNumberOf(fields, 'orderTotalMinor', 0),
    currency: textOf(fields, 'currency'),
    occurredAt: timeOf(fields, 'occurredAt'),
  };
  return { fields, facts, type };
}
