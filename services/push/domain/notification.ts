import { formatMoney, type MinorUnits } from '../../common/money.ts';

export type NotificationKind = 'Created' | 'Paid';

/** What a user is told about an order, recorded in place of a push provider's call. */
export interface Notification {
  eventId: string;
  orderNo: string;
  userId: string;
  kind: NotificationKind;
  text: string;
  recordedAt: Date;
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
  };
  return { eventId, orderNo, userId, kind, text: texts[kind], recordedAt };
}
