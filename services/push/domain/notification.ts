import { formatMoney, type MinorUnits } from '../../common/money.ts';

export type NotificationKind = 'Created' | 'Paid' | 'Closed';

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

export function notificationFor(
  event: {
    eventId: string;
    type: NotificationKind;
    orderNo: string;
    userId: string;
    totalMinor: MinorUnits;
    currency: string;
  },
  recordedAt: Date,
): Notification {
  const { eventId, orderNo, userId, type: kind } = event;
  const total = formatMoney(event.totalMinor, event.currency);
  const texts: Record<NotificationKind, string> = {
    Created: `We have your order ${orderNo} over ${total}.`,
    Paid: `We have your payment of ${total} for order ${orderNo}.`,
    Closed: `Your order ${orderNo} over ${total} was not paid in time and is closed.`,
  };
  return { eventId, orderNo, userId, kind, text: texts[kind], recordedAt };
}
