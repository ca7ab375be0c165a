/**
 * NOTIFICATION_EVENTS: what the push service has recorded for users. Key: the order number, whose events share a queue.
 *
 * Order:  as recorded, which for two order events close together may be the other way round: push takes them side by
 *         side, so that one that fails does not hold up those after it.
 * Sent through an outbox. A message may arrive more than once; `eventId` is the same each time and different for every event.
 * Tags: one per event type. Body: the event as JSON, UTF-8; the text stays in push's table, whoever needs it asks there.
 */
import { fieldsOf, keyOf, textOf, timeOf, typeOf } from './message-body.ts';

export const NOTIFICATION_EVENTS = 'NOTIFICATION_EVENTS';

export const NotificationEventTag = { Recorded: 'Recorded' } as const;

export interface NotificationRecorded {
  type: 'Recorded';
  eventId: string;
  /** The order event it tells the user of: what push knows the notification by. */
  notificationId: string;
  orderNo: string;
  /** When it was recorded, ISO 8601 in UTC. */
  occurredAt: string;
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseNotificationRecorded(body: string): NotificationRecorded {
  const fields = fieldsOf(body);
  return {
    type: typeOf(fields, Object.values(NotificationEventTag)),
    eventId: textOf(fields, 'eventId'),
    notificationId: textOf(fields, 'notificationId'),
    orderNo: keyOf(fields, 'orderNo'),
    occurredAt: timeOf(fields, 'occurredAt'),
  };
}
