import { formatMoney, type MinorUnits } from '../../common/money.ts';

export const notificationKinds = [
  'Created',
  'Paid',
  'Closed',
  'PaidTooLate',
  'Shipped',
  'RefundRequested',
  'Refunded',
] as const;
export type NotificationKind = (typeof notificationKinds)[number];

/** What a user is told about an order, recorded in place of a push provider's call. */
export interface Notification {
  eventId: string;
  orderNo: string;
  userId: string;
  kind: NotificationKind;
  text: string;
  recordedAt: Date;
}

/** A notification as it stands. */
export interface RecordedNotification extends Notification {
  /** When the provider's gateway had it; null until then. */
  deliveredAt: Date | null;
}

/** What of an order event a notification tells. */
interface NotifiedEvent {
  eventId: string;
  type: NotificationKind;
  orderNo: string;
  userId: string;
  totalMinor: MinorUnits;
  currency: string;
  /** Of an event about money that goes back. */
  refundMinor?: MinorUnits;
}

export function notificationFor(event: NotifiedEvent, recordedAt: Date): Notification {
  const { eventId, orderNo, userId, type: kind } = event;
  const total = formatMoney(event.totalMinor, event.currency);
  const refund = formatMoney(event.refundMinor ?? 0, event.currency);
  const texts: Record<NotificationKind, string> = {
    Created: `We have your order ${orderNo} over ${total}.`,
    Paid: `We have your payment of ${total} for order ${orderNo}.`,
    Closed: `Your order ${orderNo} over ${total} was not paid in time and is closed.`,
    PaidTooLate: `Your payment for order ${orderNo} came after it was closed; you get ${refund} back.`,
    Shipped: `Your order ${orderNo} is on its way.`,
    RefundRequested: `We have your wish to return order ${orderNo}; ${refund} will come back to you.`,
    Refunded: `The ${refund} for order ${orderNo} are on their way back to you.`,
  };
  return { eventId, orderNo, userId, kind, text: texts[kind], recordedAt };
}
