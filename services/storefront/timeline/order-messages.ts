import { MqError, type Admin } from '../../common/mq.module.ts';
import { FLASH_ORDERS } from '../../contracts/flash-orders.ts';
import { NOTIFICATION_EVENTS } from '../../contracts/notification-events.ts';
import { ORDER_EVENTS } from '../../contracts/order-events.ts';
import { PAYMENT_EVENTS } from '../../contracts/payment-events.ts';
import { REFUND_EVENTS } from '../../contracts/refund-events.ts';
import { REFUND_STEP_RESULTS } from '../../contracts/refund-step-results.ts';
import { WAREHOUSE_EVENTS } from '../../contracts/warehouse-events.ts';
import type { OrderFacts } from './order-facts.ts';

/** A message of an order, as the timeline needs it. */
export interface OrderMessage {
  readonly topic: string;
  readonly tag: string;
  readonly messageId: string;
  /** When it was sent, ms since epoch. */
  readonly atMs: number;
  readonly body: string;
  /** Of a dead letter: why its listener gave it up. */
  readonly deadLetterReason?: string;
}

/** Where the messages lie that issue rewards, when coupon's database is away for too long. */
const COUPON_DEAD_LETTERS = '%DLQ%coupon-on-order-paid';

/** A coupon takes no longer than this, unless something is wrong. */
const COUPON_PATIENCE_MS = 3_000;

const MAX_MESSAGES_PER_TOPIC = 32;

/** The topics that can have messages of the order by now: each costs the broker a question. */
export function topicsOf(facts: OrderFacts, nowMs: number): string[] {
  const { order, refunds, payments, shipments, notifications } = facts;
  const mayHave = (part: readonly unknown[] | undefined): boolean => part?.length !== 0;
  return [
    ORDER_EVENTS,
    ...(mayHave(payments) ? [PAYMENT_EVENTS] : []),
    ...(mayHave(shipments) ? [WAREHOUSE_EVENTS] : []),
    ...(mayHave(notifications) ? [NOTIFICATION_EVENTS] : []),
    ...(mayHave(refunds) ? [REFUND_EVENTS, REFUND_STEP_RESULTS] : []),
    ...(order === 'not there' || order?.saleId !== undefined ? [FLASH_ORDERS] : []),
    ...(isCouponLate(facts, nowMs) ? [COUPON_DEAD_LETTERS] : []),
  ];
}

function isCouponLate({ order, coupons }: OrderFacts, nowMs: number): boolean {
  if (order === undefined || order === 'not there' || order.paidAt === undefined) return false;
  const issuedAt = coupons?.[0]?.issuedAt;
  const untilMs = issuedAt === undefined ? nowMs : Date.parse(issuedAt);
  return untilMs - Date.parse(order.paidAt) > COUPON_PATIENCE_MS;
}

/** The messages of an order in a topic, by its number as their key. Errors: those of Admin. */
export async function readOrderMessages(
  admin: Pick<Admin, 'queryMessages'>,
  topic: string,
  orderNo: string,
): Promise<OrderMessage[]> {
  try {
    const found = await admin.queryMessages(topic, orderNo, { maxNum: MAX_MESSAGES_PER_TOPIC });
    return found.map((message) => {
      const reason = message.properties.get('DLQ_REASON');
      return {
        topic,
        tag: message.tags ?? '',
        messageId: message.msgId,
        atMs: message.bornTimestamp,
        body: message.text(),
        ...(topic === COUPON_DEAD_LETTERS && {
          // It keeps the time at which it was first sent.
          atMs: message.storeTimestamp,
          deadLetterReason: reason ?? 'it failed too often',
        }),
      };
    });
  } catch (error) {
    // Nobody has sent anything there yet.
    if (MqError.is(error) && error.code === 'NO_ROUTE') return [];
    throw error;
  }
}
