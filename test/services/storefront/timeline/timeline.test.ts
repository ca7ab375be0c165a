import { describe, expect, it } from '@jest/globals';
import { updated, type OrderFacts } from '../../../../services/storefront/timeline/order-facts.ts';
import {
  topicsOf,
  type OrderMessage,
} from '../../../../services/storefront/timeline/order-messages.ts';
import { timelineOf } from '../../../../services/storefront/timeline/timeline.ts';

const orderNo = '20261130-091GA3JXTG21';
const noon = Date.parse('2026-11-30T12:00:00Z');

function at(seconds: number): string {
  return new Date(noon + seconds * 1_000).toISOString();
}

function facts(some: Partial<OrderFacts>): OrderFacts {
  return {
    order: { status: 'PENDING', totalMinor: 1_380, currency: 'EUR', placedAt: at(0) },
    refunds: [],
    payments: [],
    coupons: [],
    redPackets: [],
    points: [],
    shipments: [],
    notifications: [],
    ...some,
  };
}

const nothing: OrderFacts = {
  order: undefined,
  refunds: undefined,
  payments: undefined,
  coupons: undefined,
  redPackets: undefined,
  points: undefined,
  shipments: undefined,
  notifications: undefined,
};

let count = 0;
function message(topic: string, tag: string, seconds: number, more: Partial<OrderMessage> = {}) {
  count += 1;
  const atMs = noon + seconds * 1_000;
  return { topic, tag, messageId: `M${count}`, atMs, body: '{}', ...more };
}

function lines(some: OrderFacts, messages: readonly OrderMessage[]): string[] {
  return timelineOf(orderNo, some, messages).entries.map(
    ({ at: time, service, what, tag = '-', isProblem }) =>
      `${(Date.parse(time) - noon) / 1_000} ${service}: ${what} (${tag})${isProblem ? ' !' : ''}`,
  );
}

describe('a timeline', () => {
  it('joins what a service says with the message that tells of it, in the order in which it happened', () => {
    const paid = facts({
      order: {
        status: 'PAID',
        totalMinor: 1_380,
        currency: 'EUR',
        placedAt: at(0),
        paidAt: at(3),
      },
      payments: [
        {
          status: 'SUCCEEDED',
          amountMinor: 1_380,
          currency: 'EUR',
          createdAt: at(1),
          settledAt: at(2),
        },
      ],
      points: [{ kind: 'EARNED', points: 13, occurredAt: at(4) }],
    });
    const messages = [
      message('PAYMENT_EVENTS', 'Succeeded', 2.1),
      message('ORDER_EVENTS', 'Paid', 3.1),
      message('ORDER_EVENTS', 'Created', 0.1),
      message('PAYMENT_EVENTS', 'Requested', 1.1),
    ];
    expect(lines(paid, messages)).toEqual([
      '0 order: The order is placed: 13.80 EUR (Created)',
      '1 payment: A payment of 13.80 EUR is asked for (Requested)',
      '2 payment: The payment channel says: paid (Succeeded)',
      '3 order: The order is paid (Paid)',
      '4 points: 13 points are earned (-)',
    ]);
    expect(timelineOf(orderNo, paid, messages)).toMatchObject({ orderNo, status: 'PAID' });
    expect(timelineOf(orderNo, paid, messages).entries[0]).toMatchObject({
      topic: 'ORDER_EVENTS',
      messageId: messages[2]!.messageId,
    });
  });

  it('gives each of two refunds its own message, and shows the steps, which no service dates', () => {
    const refund = { reason: 'CUSTOMER', amountMinor: 690 };
    const refunded = facts({
      refunds: [
        { ...refund, requestedAt: at(10), completedAt: at(20) },
        { ...refund, requestedAt: at(30) },
      ],
    });
    const first = message('ORDER_EVENTS', 'RefundRequested', 10);
    const second = message('ORDER_EVENTS', 'RefundRequested', 30);
    const step = (type: string, note: string): string =>
      JSON.stringify({
        type,
        eventId: 'E1',
        refundNo: 'R1',
        orderNo,
        step: 'ReturnMoney',
        note,
        occurredAt: at(12),
      });
    const messages = [
      second,
      first,
      message('REFUND_EVENTS', 'ReturnMoney', 11),
      message('REFUND_STEP_RESULTS', 'Done', 12, { body: step('Done', 'sent') }),
      message('REFUND_STEP_RESULTS', 'Failed', 35, { body: step('Failed', 'the channel refuses') }),
      message('REFUND_EVENTS', 'Completed', 13),
    ];
    expect(lines(refunded, messages).slice(1)).toEqual([
      '10 order: A refund of 6.90 EUR begins (RefundRequested)',
      '11 refund: Payment is asked to give the money back (ReturnMoney)',
      '12 payment: The money is on its way back (Done)',
      '13 refund: All steps of the refund are done (Completed)',
      '20 order: The refund of 6.90 EUR is through (-)',
      '30 order: A refund of 6.90 EUR begins (RefundRequested)',
      '35 payment: A step of the refund has failed: the channel refuses (Failed) !',
    ]);
    const ids = timelineOf(orderNo, refunded, messages)
      .entries.filter(({ tag }) => tag === 'RefundRequested')
      .map(({ messageId }) => messageId);
    expect(ids).toEqual([first.messageId, second.messageId]);
  });

  it('shows the messages alone while no service can be asked, and each message once', () => {
    const created = message('ORDER_EVENTS', 'Created', 0);
    const found = timelineOf(orderNo, nothing, [created, { ...created }]);
    expect(found).toMatchObject({ status: 'UNKNOWN' });
    expect(found.entries).toEqual([
      {
        at: at(0),
        service: 'order',
        what: 'ORDER_EVENTS Created',
        topic: 'ORDER_EVENTS',
        tag: 'Created',
        messageId: created.messageId,
      },
    ]);
  });

  it('shows a message that cannot be read as a problem, and all the others', () => {
    const messages = [
      message('REFUND_STEP_RESULTS', 'Done', 1, { body: '{"step":"Dance"}' }),
      message('REFUND_EVENTS', 'toString', 2),
      message('REFUND_EVENTS', 'Completed', 3),
    ];
    expect(lines(nothing, messages)).toEqual([
      expect.stringMatching(/^1 refund: REFUND_STEP_RESULTS Done cannot be read: .* \(Done\) !$/),
      '2 REFUND_EVENTS: REFUND_EVENTS toString (toString)',
      '3 refund: All steps of the refund are done (Completed)',
    ]);
  });

  it('marks what nobody likes to see: a closed order, a failed payment, money too late, a dead letter', () => {
    const late = facts({
      order: {
        status: 'CANCELLED',
        totalMinor: 100,
        currency: 'EUR',
        placedAt: at(0),
        closedAt: at(5),
      },
      payments: [
        {
          status: 'FAILED',
          amountMinor: 100,
          currency: 'EUR',
          createdAt: at(1),
          settledAt: at(2),
          failure: 'declined',
        },
      ],
      refunds: [{ reason: 'LATE_PAYMENT', amountMinor: 100, requestedAt: at(7) }],
    });
    const letter = message('%DLQ%coupon-on-order-paid', 'Paid', 9, {
      deadLetterReason: 'DATABASE.UNAVAILABLE: away',
    });
    expect(lines(late, [letter]).filter((line) => line.endsWith('!'))).toEqual([
      '2 payment: The payment failed: declined (-) !',
      '5 order: The order is closed, for nobody paid in time; its goods are free again (-) !',
      '7 order: Paid after it was closed: 1.00 EUR goes back (-) !',
      '9 coupon: The coupon cannot be issued just now (DATABASE.UNAVAILABLE: away); it is tried again (Paid) !',
    ]);
  });

  it('stands still when nothing has happened', () => {
    const some = facts({ points: [{ kind: 'EARNED', points: 1, occurredAt: at(0) }] });
    const messages = [message('ORDER_EVENTS', 'Created', 0)];
    expect(timelineOf(orderNo, some, messages)).toEqual(timelineOf(orderNo, some, messages));
  });
});

describe('what the services say', () => {
  it('stays as it was where a service is away', () => {
    const before = facts({ points: [{ kind: 'EARNED', points: 13, occurredAt: at(4) }] });
    expect(updated(before, nothing)).toEqual(before);
    expect(updated(before, { ...nothing, points: [] }).points).toEqual([]);
    expect(updated(undefined, nothing)).toEqual(nothing);
  });
});

describe('the topics that are asked', () => {
  it('are those that can have something by now; all but two while nobody answers', () => {
    expect(topicsOf(facts({}), noon)).toEqual(['ORDER_EVENTS']);
    expect(topicsOf(nothing, noon)).toEqual([
      'ORDER_EVENTS',
      'PAYMENT_EVENTS',
      'WAREHOUSE_EVENTS',
      'NOTIFICATION_EVENTS',
      'REFUND_EVENTS',
      'REFUND_STEP_RESULTS',
    ]);
    expect(topicsOf(facts({ order: 'not there' }), noon)).toContain('FLASH_ORDERS');
  });

  it('include the dead letters of a coupon that is late, or was', () => {
    const order = {
      status: 'PAID',
      totalMinor: 1,
      currency: 'EUR',
      placedAt: at(0),
      paidAt: at(1),
    };
    const coupon = { amountMinor: 1, currency: 'EUR' };
    const letters = '%DLQ%coupon-on-order-paid';
    expect(topicsOf(facts({ order }), noon + 3_000)).not.toContain(letters);
    expect(topicsOf(facts({ order }), noon + 10_000)).toContain(letters);
    const soon = facts({ order, coupons: [{ ...coupon, issuedAt: at(2) }] });
    expect(topicsOf(soon, noon + 10_000)).not.toContain(letters);
    const late = facts({ order, coupons: [{ ...coupon, issuedAt: at(9) }] });
    expect(topicsOf(late, noon + 60_000)).toContain(letters);
  });
});
