import { describe, expect, it } from '@jest/globals';
import { parseNotificationRecorded } from '../../../../services/contracts/notification-events.ts';
import { notificationRecorded } from '../../../../services/push/application/notification-announcement.ts';
import { notificationFor } from '../../../../services/push/domain/notification.ts';
import { paidEvent } from '../../order-event-samples.ts';

const recordedAt = new Date('2026-11-20T10:02:00Z');

describe('what push announces', () => {
  it('is what its gateway reads: which notification to deliver, without its text', () => {
    const { payload, ...envelope } = notificationRecorded(notificationFor(paidEvent, recordedAt));
    expect(envelope).toEqual({
      topic: 'NOTIFICATION_EVENTS',
      tag: 'Recorded',
      key: paidEvent.orderNo,
      createdAt: recordedAt,
    });
    expect(parseNotificationRecorded(JSON.stringify({ eventId: 'E1', ...payload }))).toEqual({
      type: 'Recorded',
      eventId: 'E1',
      notificationId: paidEvent.eventId,
      orderNo: paidEvent.orderNo,
      occurredAt: '2026-11-20T10:02:00.000Z',
    });
  });
});
