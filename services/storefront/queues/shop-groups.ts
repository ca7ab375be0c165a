import { FLASH_ORDERS } from '../../contracts/flash-orders.ts';
import { NOTIFICATION_EVENTS } from '../../contracts/notification-events.ts';
import { ORDER_BINLOG } from '../../contracts/order-binlog.ts';
import { ORDER_CLOSE_CHECK } from '../../contracts/order-close-check.ts';
import { ORDER_EVENTS } from '../../contracts/order-events.ts';
import { PAYMENT_EVENTS } from '../../contracts/payment-events.ts';
import { PAYMENT_QUERY } from '../../contracts/payment-query.ts';
import { REFUND_EVENTS } from '../../contracts/refund-events.ts';
import { REFUND_STEP_RESULTS } from '../../contracts/refund-step-results.ts';
import { RESERVATION_CHECK } from '../../contracts/reservation-check.ts';
import { WAREHOUSE_EVENTS } from '../../contracts/warehouse-events.ts';

/**
 * The consumer groups of the shop, by the topic that each consumes. A cluster may have others, of other people, and asking it for
 * all it has would cost it more the more there are.
 */
const groupsByTopic: Readonly<Record<string, readonly string[]>> = {
  [ORDER_EVENTS]: [
    'coupon-on-order-event',
    'coupon-on-order-paid',
    'flashsale-on-order-closed',
    'points-on-order-paid',
    'push-on-order-event',
    'refund-on-order-event',
    'stock-on-order-event',
    'warehouse-on-order-paid',
  ],
  [ORDER_CLOSE_CHECK]: ['order-close-check', 'order-flash-close-check'],
  [RESERVATION_CHECK]: ['coupon-reservation-check', 'stock-reservation-check'],
  [PAYMENT_EVENTS]: ['order-on-payment-succeeded', 'payment-charge'],
  [PAYMENT_QUERY]: ['payment-query'],
  [WAREHOUSE_EVENTS]: ['order-on-shipped', 'warehouse-ship'],
  [REFUND_EVENTS]: [
    'coupon-on-recall-due',
    'order-on-refund-completed',
    'payment-on-return-money-due',
    'points-on-deduct-due',
    'stock-on-restock-due',
    'warehouse-on-return-goods-due',
  ],
  [REFUND_STEP_RESULTS]: ['refund-on-step-result'],
  [NOTIFICATION_EVENTS]: ['push-deliver'],
  [FLASH_ORDERS]: ['flashsale-place-orders'],
  [ORDER_BINLOG]: ['sync-copy'],
};

/** They take their queues in order: a failure suspends the queue, and nothing becomes a dead letter. */
const orderlyGroups = new Set(['flashsale-place-orders', 'sync-copy']);

export interface ShopGroup {
  readonly group: string;
  readonly topic: string;
  /** The group that tries its dead letters again; undefined: it has none. */
  readonly deadLetterGroup: string | undefined;
}

export const shopGroups: readonly ShopGroup[] = Object.entries(groupsByTopic).flatMap(
  ([topic, groups]) =>
    groups.map((group) => ({
      group,
      topic,
      deadLetterGroup: orderlyGroups.has(group) ? undefined : `${group}-dlq`,
    })),
);
