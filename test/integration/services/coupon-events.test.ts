import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import type { RefundStepDue } from '../../../services/contracts/refund-events.ts';
import type { RefundStepResult } from '../../../services/contracts/refund-step-results.ts';
import { closedEvent, createdEvent, paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import {
  contradictory,
  newOrderNo,
  reasonOfDeadLetter,
  redeem,
  redeemed,
  redemptionOf,
  release,
  whereIs,
  wishFor,
} from './coupon-desk.ts';
import { createShopTopics } from './shop-messages.ts';
import { startService, type RunningService } from './shop.ts';

const ISSUE_GROUP = 'coupon-on-order-paid';
const ORDERS_GROUP = 'coupon-on-order-event';
const RECALL_GROUP = 'coupon-on-recall-due';

let broker: TestBroker;
let producer: Producer;
let coupon: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await createShopTopics(broker);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  coupon = await startService('coupon', {
    namesrvAddr: broker.namesrvAddr,
    env: { OUTBOX_POLL_MS: '50' },
  });
});

afterAll(async () => {
  expect(await contradictory(coupon)).toEqual([]);
  await coupon[Symbol.asyncDispose]();
  await producer.shutdown();
  await broker.close();
});

type Kind = 'Created' | 'Paid' | 'Closed';
const samples = { Created: createdEvent, Paid: paidEvent, Closed: closedEvent };

async function tell(orderNo: string, type: Kind, eventId: string = randomUUID()): Promise<void> {
  await producer.send({
    topic: 'ORDER_EVENTS',
    tags: type,
    keys: orderNo,
    shardingKey: orderNo,
    body: JSON.stringify({ ...samples[type], orderNo, eventId }),
  });
}

/** Tells of an event and waits until each group that takes it has dealt with it. */
async function told(orderNo: string, type: Kind, eventId?: string): Promise<void> {
  await tell(orderNo, type, eventId);
  await broker.consumed(ORDERS_GROUP, 'ORDER_EVENTS');
  await broker.consumed(ISSUE_GROUP, 'ORDER_EVENTS');
}

const logged = (orderNo: string, text: string, count = 1): Promise<unknown> =>
  until(() => coupon.logged(orderNo, text) >= count, {
    what: `${count} × "${text}" of ${orderNo}`,
  });

interface Reward {
  code?: string;
  packetNo?: string;
  amountMinor: number;
  status: string;
}

async function rewardsOf(orderNo: string): Promise<{ coupons: Reward[]; packets: Reward[] }> {
  const [coupons, packets] = await Promise.all(
    ['coupons', 'red-packets'].map(async (path) => {
      const answer = await coupon.get(`/${path}?orderNo=${orderNo}`);
      expect(answer.status).toBe(200);
      return ((await answer.json()) as { items: Reward[] }).items;
    }),
  );
  return { coupons: coupons!, packets: packets! };
}

/** The statuses of what an order has earned: `ISSUED OPEN`. */
async function statusOf(orderNo: string): Promise<string> {
  const { coupons, packets } = await rewardsOf(orderNo);
  return [...coupons, ...packets].map(({ status }) => status).join(' ');
}

async function paid(orderNo = newOrderNo()): Promise<{ orderNo: string; code: string }> {
  await told(orderNo, 'Paid');
  const { coupons } = await rewardsOf(orderNo);
  return { orderNo, code: coupons[0]!.code! };
}

describe('a paid order', () => {
  it('has earned a coupon and a red packet, once, however often and by however many events it is told', async () => {
    const orderNo = newOrderNo();
    const eventId = randomUUID();
    await told(orderNo, 'Paid', eventId);
    const earned = await rewardsOf(orderNo);
    expect(earned).toMatchObject({
      coupons: [{ orderNo, amountMinor: 69, status: 'ISSUED', redeemedByOrderNo: null }],
      packets: [{ orderNo, userId: 'user-1', currency: 'EUR', status: 'OPEN', recalledAt: null }],
    });
    const [{ amountMinor }] = earned.packets as [Reward];
    expect(amountMinor).toBeGreaterThanOrEqual(13);
    expect(amountMinor).toBeLessThanOrEqual(69);
    await told(orderNo, 'Paid', eventId);
    await Promise.all(Array.from({ length: 5 }, () => tell(orderNo, 'Paid')));
    await logged(orderNo, 'the order already has its coupon; this event told of it again', 5);
    await told(orderNo, 'Paid');
    expect(await rewardsOf(orderNo)).toEqual(earned);
  });

  it('is given the red packet it lacks when it had its coupon before there were any', async () => {
    const { orderNo, code } = await paid();
    const { packets } = await rewardsOf(orderNo);
    await coupon.query('DELETE FROM red_packets WHERE order_no = ?', [orderNo]);
    await told(orderNo, 'Paid');
    const now = await rewardsOf(orderNo);
    expect(now.coupons).toMatchObject([{ code }]);
    expect(now.packets).toMatchObject([{ amountMinor: packets[0]!.amountMinor, status: 'OPEN' }]);
  });

  it('is given both or none', async () => {
    const orderNo = newOrderNo();
    await coupon.query('RENAME TABLE red_packets TO red_packets_away');
    try {
      await tell(orderNo, 'Paid');
      await logged(orderNo, 'event not handled, to be retried');
      expect(await coupon.count('coupons', `order_no = '${orderNo}'`)).toBe(0);
    } finally {
      await coupon.query('RENAME TABLE red_packets_away TO red_packets');
    }
    await broker.drain(ISSUE_GROUP, 'ORDER_EVENTS');
    expect(await statusOf(orderNo)).toBe('ISSUED OPEN');
  });

  it('is not held up by a message that nobody can read, which says why in both groups’ DLQ', async () => {
    const orderNo = newOrderNo();
    const key = `${orderNo}-poison`;
    const poison = JSON.stringify({ ...paidEvent, orderNo: 'a b' });
    await producer.send({
      topic: 'ORDER_EVENTS',
      tags: 'Paid',
      keys: key,
      shardingKey: orderNo,
      body: poison,
    });
    await paid(orderNo);
    expect(await statusOf(orderNo)).toBe('ISSUED OPEN');
    for (const group of [ISSUE_GROUP, ORDERS_GROUP]) {
      expect(await reasonOfDeadLetter(broker, group, key)).toBe(
        'MESSAGE.POISON: orderNo is not 1 to 64 visible ASCII characters',
      );
    }
  });
});

describe('an order that uses a coupon', () => {
  it('is known when it is placed, and keeps the coupon when it is paid', async () => {
    const { orderNo, code } = await redeemed(coupon);
    await told(orderNo, 'Created');
    expect(await redemptionOf(coupon, orderNo)).toBe('HELD, known');
    await told(orderNo, 'Paid');
    await told(orderNo, 'Paid');
    expect(await redemptionOf(coupon, orderNo)).toBe('KEPT, known');
    expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${orderNo}`);
    expect(await statusOf(orderNo)).toBe('ISSUED OPEN');
  });

  it('may be told paid before it was placed', async () => {
    const { orderNo } = await redeemed(coupon);
    await told(orderNo, 'Paid');
    await told(orderNo, 'Created');
    expect(await redemptionOf(coupon, orderNo)).toBe('KEPT, known');
  });

  it('gives it back when it is closed, once, also when that is told before it was placed', async () => {
    const { orderNo, code } = await redeemed(coupon);
    await told(orderNo, 'Closed');
    expect(await whereIs(coupon, code)).toBe('ISSUED');
    const other = await redeemed(coupon, code);
    await told(orderNo, 'Created');
    await told(orderNo, 'Closed');
    await logged(orderNo, 'duplicate event acknowledged');
    expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${other.orderNo}`);
    expect(await redemptionOf(coupon, orderNo)).toBe('RELEASED, known');
    expect(await statusOf(orderNo)).toBe('');
  });

  it('gives it back when it is closed also when it has expired meanwhile', async () => {
    const { orderNo, code } = await redeemed(coupon);
    await coupon.query(
      'UPDATE coupons SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 DAY WHERE code = ?',
      [code],
    );
    await told(orderNo, 'Closed');
    expect(await whereIs(coupon, code)).toBe('ISSUED');
    expect(await redeem(coupon, wishFor(code))).toBe('409 COUPON.EXPIRED');
  });

  it('has it closed or released at once with the same end', async () => {
    const { orderNo, code } = await redeemed(coupon);
    await Promise.all([told(orderNo, 'Closed'), release(coupon, orderNo)]);
    expect(await whereIs(coupon, code)).toBe('ISSUED');
    expect(await redemptionOf(coupon, orderNo)).toBe('RELEASED, known');
  });

  it.each(['Created', 'Closed'] as const)(
    'is another one than an order without any, whose %s changes nothing',
    async (type) => {
      const orderNo = newOrderNo();
      await told(orderNo, type);
      expect(await redemptionOf(coupon, orderNo)).toBeUndefined();
      expect(coupon.logged(orderNo, 'overtaken event acknowledged')).toBe(1);
    },
  );

  it.each<[Kind, string]>([
    ['Created', 'was placed, and its coupon was given back before'],
    ['Paid', 'was paid, and its redemption is RELEASED'],
  ])('and had it released before its %s is a dead letter', async (type, reason) => {
    const { orderNo } = await redeemed(coupon);
    await release(coupon, orderNo);
    await told(orderNo, type);
    expect(await reasonOfDeadLetter(broker, ORDERS_GROUP, orderNo)).toBe(
      `COUPON.CONTRADICTION: order ${orderNo} ${reason}`,
    );
    expect(await statusOf(orderNo)).toBe(type === 'Paid' ? 'ISSUED OPEN' : '');
  });

  it('and is paid cannot be closed: a dead letter', async () => {
    const { orderNo, code } = await redeemed(coupon);
    await told(orderNo, 'Paid');
    await told(orderNo, 'Closed');
    expect(await reasonOfDeadLetter(broker, ORDERS_GROUP, orderNo)).toBe(
      `COUPON.CONTRADICTION: order ${orderNo} was closed, and its redemption was KEPT: it is paid`,
    );
    expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${orderNo}`);
  });
});

describe('a refund', () => {
  const newRefundNo = (): string => `R-${randomUUID().slice(0, 12)}`;

  async function due(
    orderNo: string,
    refundNo: string,
    other: Partial<RefundStepDue> = {},
  ): Promise<void> {
    const step: RefundStepDue = {
      type: 'RecallCoupon',
      eventId: randomUUID(),
      refundNo,
      orderNo,
      userId: 'user-1',
      paymentNo: 'P-1',
      refundMinor: 1_380,
      orderTotalMinor: 1_380,
      currency: 'EUR',
      occurredAt: '2026-11-30T10:00:00.000Z',
      items: [{ sku: 'TEA-GREEN-100', quantity: 2 }],
      isWhole: true,
      ...other,
    };
    await producer.send({
      topic: 'REFUND_EVENTS',
      tags: 'RecallCoupon',
      keys: orderNo,
      body: JSON.stringify(step),
    });
  }

  const resultsOf = async (refundNo: string): Promise<RefundStepResult[]> =>
    (await broker.messages('REFUND_STEP_RESULTS'))
      .map((message) => JSON.parse(message.text()) as RefundStepResult)
      .filter((result) => result.refundNo === refundNo);

  /** The notes of so many results of the refund, all of them Done. */
  async function notesOf(refundNo: string, count = 1): Promise<string[]> {
    const results = await until(
      async () => {
        const found = await resultsOf(refundNo);
        return found.length >= count ? found : undefined;
      },
      { what: `${count} result(s) of ${refundNo}` },
    );
    for (const result of results) {
      expect(result).toMatchObject({ type: 'Done', step: 'RecallCoupon' });
    }
    return results.map(({ note }) => note);
  }

  async function recalled(orderNo: string, other: Partial<RefundStepDue> = {}): Promise<string> {
    const refundNo = newRefundNo();
    await due(orderNo, refundNo, other);
    return (await notesOf(refundNo))[0]!;
  }

  it('of everything recalls the coupon and the red packet: nobody can use them any more', async () => {
    const { orderNo, code } = await paid();
    expect(await recalled(orderNo)).toBe('coupon recalled; red packet recalled');
    expect(await statusOf(orderNo)).toBe('RECALLED RECALLED');
    expect(await redeem(coupon, wishFor(code))).toBe('409 COUPON.RECALLED');
  });

  it('of a part leaves all as it is, and says so', async () => {
    const wish = await redeemed(coupon);
    await paid(wish.orderNo);
    expect(await recalled(wish.orderNo, { isWhole: false })).toBe(
      'nothing is recalled, part of the order stays paid',
    );
    expect(await statusOf(wish.orderNo)).toBe('ISSUED OPEN');
    expect(await whereIs(coupon, wish.code)).toBe(`REDEEMED by ${wish.orderNo}`);
  });

  it('gives back the coupon that the order has used', async () => {
    const wish = await redeemed(coupon);
    await paid(wish.orderNo);
    expect(await recalled(wish.orderNo)).toBe(
      'coupon recalled; red packet recalled; the coupon it used given back',
    );
    expect(await whereIs(coupon, wish.code)).toBe('ISSUED');
    expect(await redemptionOf(coupon, wish.orderNo)).toBe('RELEASED, known');
    await redeemed(coupon, wish.code);
    // A payment told of again takes nothing back.
    await told(wish.orderNo, 'Paid');
    expect(await redemptionOf(coupon, wish.orderNo)).toBe('RELEASED, known');
    expect(await statusOf(wish.orderNo)).toBe('RECALLED RECALLED');
  });

  it('leaves a coupon with the order that uses it', async () => {
    const { orderNo, code } = await paid();
    const other = await redeemed(coupon, code);
    expect(await recalled(orderNo)).toBe(
      `coupon already used for order ${other.orderNo}; red packet recalled`,
    );
    expect(await statusOf(orderNo)).toBe('REDEEMED RECALLED');
    await paid(other.orderNo);
    expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${other.orderNo}`);
  });

  it('has the coupon recalled after all when the order that uses it is closed', async () => {
    const { orderNo, code } = await paid();
    const other = await redeemed(coupon, code);
    await recalled(orderNo);
    await told(other.orderNo, 'Closed');
    expect(await statusOf(orderNo)).toBe('RECALLED RECALLED');
    expect(await redeem(coupon, wishFor(code))).toBe('409 COUPON.RECALLED');
  });

  it('and an order that wants the coupon at once: one has it, and both know', async () => {
    const { orderNo, code } = await paid();
    const wish = wishFor(code);
    const [note, outcome] = await Promise.all([recalled(orderNo), redeem(coupon, wish)]);
    if (outcome === '200') {
      expect(note).toContain(`already used for order ${wish.orderNo}`);
      expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${wish.orderNo}`);
    } else {
      expect([note, outcome]).toEqual([
        'coupon recalled; red packet recalled',
        '409 COUPON.RECALLED',
      ]);
    }
  });

  it('that is asked for again, under another eventId, says Done again and does nothing', async () => {
    const wish = await redeemed(coupon);
    const { orderNo } = await paid(wish.orderNo);
    const refundNo = newRefundNo();
    const eventId = randomUUID();
    await due(orderNo, refundNo, { eventId });
    await notesOf(refundNo);
    const { packets } = await rewardsOf(orderNo);
    const other = await redeemed(coupon, wish.code);
    await due(orderNo, refundNo);
    const [, note] = await notesOf(refundNo, 2);
    expect(note).toBe('coupon was recalled before; red packet was recalled before');
    await due(orderNo, refundNo, { eventId });
    await logged(orderNo, 'duplicate event acknowledged');
    expect(await resultsOf(refundNo)).toHaveLength(2);
    expect((await rewardsOf(orderNo)).packets).toEqual(packets);
    expect(await whereIs(coupon, wish.code)).toBe(`REDEEMED by ${other.orderNo}`);
  });

  it('that overtakes the payment is tried again, and recalls what is issued by then', async () => {
    const orderNo = newOrderNo();
    const refundNo = newRefundNo();
    await due(orderNo, refundNo);
    await logged(orderNo, 'event not handled, to be retried');
    expect(await resultsOf(refundNo)).toEqual([]);
    await paid(orderNo);
    await broker.drain(RECALL_GROUP, 'REFUND_EVENTS');
    expect(await notesOf(refundNo)).toEqual(['coupon recalled; red packet recalled']);
    expect(await statusOf(orderNo)).toBe('RECALLED RECALLED');
  });

  it('is tried again also while only one group has heard of the payment', async () => {
    const wish = await redeemed(coupon);
    const { orderNo } = await paid(wish.orderNo);
    await coupon.query(
      `UPDATE redemptions SET status = 'HELD', kept_at = NULL WHERE order_no = ?`,
      [orderNo],
    );
    const refundNo = newRefundNo();
    await due(orderNo, refundNo);
    await logged(orderNo, 'event not handled, to be retried');
    expect(await statusOf(orderNo)).toBe('ISSUED OPEN');
    await told(orderNo, 'Paid');
    await broker.drain(RECALL_GROUP, 'REFUND_EVENTS');
    expect((await notesOf(refundNo))[0]).toContain('the coupon it used given back');
  });

  it('of an order that never had a red packet is done, and no later event brings one', async () => {
    const { orderNo } = await paid();
    await coupon.query('DELETE FROM red_packets WHERE order_no = ?', [orderNo]);
    expect(await recalled(orderNo)).toBe('coupon recalled; it had no red packet');
    await told(orderNo, 'Paid');
    expect(await statusOf(orderNo)).toBe('RECALLED');
  });

  it('that nobody can read is a dead letter, which says why', async () => {
    const orderNo = newOrderNo();
    await due(orderNo, newRefundNo(), { isWhole: 'yes' as unknown as boolean });
    expect(await reasonOfDeadLetter(broker, RECALL_GROUP, orderNo)).toBe(
      'MESSAGE.POISON: isWhole is not true or false',
    );
  });
});
