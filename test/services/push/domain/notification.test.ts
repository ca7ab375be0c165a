import { describe, expect, it } from '@jest/globals';
import { notificationFor } from '../../../../services/push/domain/notification.ts';
import { closedEvent, createdEvent, paidEvent } from '../../order-event-samples.ts';

const recordedAt = new Date('2026-11-20T10:02:00Z');

describe('a notification', () => {
  it('tells of a placed order', () => {
    expect(notificationFor(createdEvent, recordedAt)).toEqual({
      eventId: createdEvent.eventId,
      orderNo: createdEvent.orderNo,
      userId: 'user-1',
      kind: 'Created',
      text: 'We have your order 20261120-7K3M9Q2T4VXA over 13.80 EUR.',
      recordedAt,
    });
  });

  it('tells of a payment', () => {
    expect(notificationFor(paidEvent, recordedAt)).toMatchObject({
      kind: 'Paid',
      text: 'We have your payment of 13.80 EUR for order 20261120-7K3M9Q2T4VXA.',
    });
  });

  it('tells of an order that was closed', () => {
    expect(notificationFor(closedEvent, recordedAt)).toMatchObject({
      kind: 'Closed',
      text: 'Your order 20261120-7K3M9Q2T4VXA over 13.80 EUR was not paid in time and is closed.',
    });
  });
});
