import type { OutgoingEvent } from '../../common/outgoing-event.ts';
import {
  NOTIFICATION_EVENTS,
  NotificationEventTag,
  type NotificationRecorded,
} from '../../contracts/notification-events.ts';
import type { Notification } from '../domain/notification.ts';

/** What a recorded notification looks like to whoever delivers it. The eventId is given by the outbox. */
export function notificationRecorded({
  eventId,
  orderNo,
  recordedAt,
}: Notification): OutgoingEvent {
  const payload: Omit<NotificationRecorded, 'eventId'> = {
    type: NotificationEventTag.Recorded,
    notificationId: eventId,
    orderNo,
    occurredAt: recordedAt.toISOString(),
  };
  return {
    topic: NOTIFICATION_EVENTS,
    tag: NotificationEventTag.Recorded,
    key: orderNo,
    payload,
    createdAt: recordedAt,
  };
}
