import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { announced } from './half-messages.ts';
import {
  createShopTopics,
  paymentSucceeded,
  refundIsThrough,
  shipped,
  type PayableOrder,
} from './shop-messages.ts';
import { startService, type RunningService } from './shop.ts';

const COUPON = 'K7QW2M9XPB4DRT6H';

interface Refund {
  refundNo: string;
  orderNo: string;
  amountMinor: number;
  isWhole: boolean;
  items: { sku: string; quantity: number }[];
  completedAt?: string;
}

let broker: TestBroker;
let producer: Producer;
let order: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await createShopTopics(broker);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  order = await startService('order', {
    namesrvAddr: broker.namesrvAddr,
    env: { MAX_RECONSUME_TIMES: '1' },
  });
});

afterAll(async () => {
  await order[Symbol.asyncDispose]();
  await producer.shutdown();
  await broker.close();
});

/** Three mugs at 12.00 and a pot at 34.50, less 1.00 by the coupon. */
async function placed(): Promise<PayableOrder> {
  const items = [
    { sku: 'MUG-BLUE', quantity: 1 },
    { sku: 'POT-GLASS', quantity: 1 },
    { sku: 'MUG-BLUE', quantity: 2 },
  ];
  const answer = await order.post(
    '/orders',
    { userId: 'user-1', items, couponCode: COUPON },
    { 'Idempotency-Key': randomUUID() },
  );
  expect(answer.status).toBe(201);
  return (await answer.json()) as PayableOrder;
}

async function paid(): Promise<string> {
  const answer = await placed();
  expect(answer.totalMinor).toBe(6_950);
  await paymentSucceeded(producer, answer);
  await becomes(answer.orderNo, 'PAID');
  return answer.orderNo;
}

async function statusOf(orderNo: string): Promise<string> {
  return ((await (await order.get(`/orders/${orderNo}`)).json()) as { status: string }).status;
}

const becomes = (orderNo: string, status: string): Promise<unknown> =>
  until(async () => (await statusOf(orderNo)) === status, { what: `${orderNo} ${status}` });

const ask = (orderNo: string, wish: object = {}, key: string = randomUUID()): Promise<Response> =>
  order.post(`/orders/${orderNo}/refunds`, wish, { 'Idempotency-Key': key });

async function asked(orderNo: string, wish: object = {}): Promise<Refund> {
  const answer = await ask(orderNo, wish);
  expect(answer.status).toBe(202);
  return (await answer.json()) as Refund;
}

async function refundsOf(orderNo: string): Promise<Refund[]> {
  const answer = await order.get(`/orders/${orderNo}/refunds`);
  return ((await answer.json()) as { items: Refund[] }).items;
}

async function refusedWith(answer: Response, code: string, detail: string): Promise<void> {
  expect(answer.status).toBe(409);
  expect(await answer.json()).toMatchObject({ code, detail: expect.stringContaining(detail) });
}

const logged = (orderNo: string, text: string, count = 1): Promise<unknown> =>
  until(() => order.logged(orderNo, text) === count, {
    what: `${count} × "${text}" of ${orderNo}`,
  });

describe('a refund', () => {
  it('of a whole order is REFUNDING until it is through, then REFUNDED; both are announced', async () => {
    const orderNo = await paid();
    const refund = await asked(orderNo);
    expect(refund).toEqual({
      refundNo: expect.stringMatching(/^\d{8}-\w{12}$/),
      orderNo,
      reason: 'CUSTOMER',
      amountMinor: 6_950,
      items: [
        { sku: 'MUG-BLUE', quantity: 3 },
        { sku: 'POT-GLASS', quantity: 1 },
      ],
      isWhole: true,
      requestedAt: expect.stringMatching(/Z$/),
    });
    expect(await statusOf(orderNo)).toBe('REFUNDING');
    await refundIsThrough(producer, refund);
    await becomes(orderNo, 'REFUNDED');
    expect(await refundsOf(orderNo)).toEqual([
      { ...refund, completedAt: expect.stringMatching(/Z$/) },
    ]);
    expect(await announced(broker, orderNo)).toEqual([
      'Created',
      'Paid',
      'RefundRequested',
      'Refunded',
    ]);
    const [, , request, done] = (await broker.messages('ORDER_EVENTS'))
      .filter(({ keys }) => keys.includes(orderNo))
      .map((message) => JSON.parse(message.text()) as unknown);
    const facts = { refundNo: refund.refundNo, refundMinor: 6_950, totalMinor: 6_950 };
    expect(request).toMatchObject({
      ...facts,
      paymentNo: `PAY-${orderNo}`,
      items: refund.items,
      isWhole: true,
    });
    expect(done).toMatchObject({ type: 'Refunded', ...facts });
  });

  it('in parts comes to what was paid, and the last part makes the order REFUNDED', async () => {
    const orderNo = await paid();
    const wishes = [
      [{ sku: 'MUG-BLUE', quantity: 2 }],
      [
        { sku: 'POT-GLASS', quantity: 1 },
        { sku: 'MUG-BLUE', quantity: 1 },
      ],
    ];
    const first = await asked(orderNo, { items: wishes[0] });
    // 24.00 of 70.50, of which 69.50 were paid.
    expect(first).toMatchObject({ amountMinor: 2_365, isWhole: false, items: wishes[0] });
    await refundIsThrough(producer, first);
    await becomes(orderNo, 'PARTIALLY_REFUNDED');
    await shipped(producer, orderNo);
    const second = await asked(orderNo, { items: wishes[1] });
    expect(second).toMatchObject({ amountMinor: 4_585, isWhole: true });
    await refundIsThrough(producer, second);
    await becomes(orderNo, 'REFUNDED');
    expect(first.amountMinor + second.amountMinor).toBe(6_950);
    await refusedWith(await ask(orderNo), 'ORDER.ILLEGAL_MOVE', 'is REFUNDED and cannot become');
  });

  it('of all that is left after a part is the rest', async () => {
    const orderNo = await paid();
    const first = await asked(orderNo, { items: [{ sku: 'MUG-BLUE', quantity: 2 }] });
    await refundIsThrough(producer, first);
    await becomes(orderNo, 'PARTIALLY_REFUNDED');
    expect(await asked(orderNo)).toMatchObject({
      amountMinor: 4_585,
      isWhole: true,
      items: [
        { sku: 'MUG-BLUE', quantity: 1 },
        { sku: 'POT-GLASS', quantity: 1 },
      ],
    });
  });

  it('can be wanted of an order that was shipped', async () => {
    const orderNo = await paid();
    await shipped(producer, orderNo);
    await becomes(orderNo, 'SHIPPED');
    await asked(orderNo);
    expect(await statusOf(orderNo)).toBe('REFUNDING');
  });

  it('asked for without a body is one of all', async () => {
    const orderNo = await paid();
    const answer = await order.post(`/orders/${orderNo}/refunds`, undefined, {
      'Idempotency-Key': randomUUID(),
    });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ amountMinor: 6_950, isWhole: true });
  });

  it('is made once for 20 requests at once with 20 keys: the others are refused', async () => {
    const orderNo = await paid();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(orderNo)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 202)) {
      await refusedWith(answer, 'ORDER.REFUND_UNDER_WAY', 'is REFUNDING');
    }
    expect(await refundsOf(orderNo)).toHaveLength(1);
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Paid', 'RefundRequested']);
  });

  it('is made once for 20 requests at once with one key, and all are told of it', async () => {
    const orderNo = await paid();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(orderNo, {}, key)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const refunds = (await Promise.all(answers.map((answer) => answer.json()))) as Refund[];
    expect(new Set(refunds.map(({ refundNo }) => refundNo)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.has('idempotency-replayed'))).toHaveLength(19);
    expect(await refundsOf(orderNo)).toHaveLength(1);
  });

  it('is answered again as it stands, and its key is good for nothing else', async () => {
    const orderNo = await paid();
    const key = randomUUID();
    const refund = (await (await ask(orderNo, {}, key)).json()) as Refund;
    await refundIsThrough(producer, refund);
    await becomes(orderNo, 'REFUNDED');
    const again = await ask(orderNo, {}, key);
    expect(again.status).toBe(202);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toEqual({ ...refund, completedAt: expect.any(String) });
    const other = await ask(orderNo, { items: [{ sku: 'MUG-BLUE', quantity: 1 }] }, key);
    await refusedWith(other, 'REQUEST.KEY_REUSED', refund.refundNo);
    await refusedWith(await ask(await paid(), {}, key), 'REQUEST.KEY_REUSED', refund.refundNo);
  });

  it('of more than is left is refused item by item, and its key is free', async () => {
    const orderNo = await paid();
    const key = randomUUID();
    const items = [
      { sku: 'MUG-BLUE', quantity: 2 },
      { sku: 'MUG-BLUE', quantity: 2 },
      { sku: 'TEA-GREEN-100', quantity: 1 },
      { sku: 'POT-GLASS', quantity: 1 },
    ];
    const refused = await ask(orderNo, { items }, key);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({
      code: 'ORDER.REFUND_EXCEEDS',
      detail: expect.stringContaining(
        `order ${orderNo} is PAID: of MUG-BLUE 4 are to be refunded, 3 are left`,
      ),
      errors: [{ field: 'MUG-BLUE' }, { field: 'TEA-GREEN-100' }],
    });
    expect(await statusOf(orderNo)).toBe('PAID');
    expect((await ask(orderNo, {}, key)).status).toBe(202);
  });

  it('of an order nobody has paid, or that is closed, is refused naming the state', async () => {
    const { orderNo } = await placed();
    await refusedWith(await ask(orderNo), 'ORDER.ILLEGAL_MOVE', 'is PENDING and cannot become');
    await order.query(`UPDATE orders SET status = 'CANCELLED' WHERE order_no = ?`, [orderNo]);
    await refusedWith(await ask(orderNo), 'ORDER.ILLEGAL_MOVE', 'is CANCELLED and cannot become');
    expect(await announced(broker, orderNo)).toEqual(['Created']);
  });

  it('goes on without the broker, and is announced when it is back', async () => {
    const orderNo = await paid();
    await announced(broker, orderNo);
    await broker.kill();
    await asked(orderNo);
    expect(await statusOf(orderNo)).toBe('REFUNDING');
    await broker.restart();
    await until(async () => (await order.count('outbox_messages', 'sent_at IS NULL')) === 0, {
      what: 'an empty outbox',
      timeoutMs: 30_000,
    });
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Paid', 'RefundRequested']);
  });
});

describe('a refund that is through', () => {
  it('ends once, however often and by whatever eventId it is told', async () => {
    const orderNo = await paid();
    const refund = await asked(orderNo);
    const event = await refundIsThrough(producer, refund);
    await becomes(orderNo, 'REFUNDED');
    await Promise.all([
      ...Array.from({ length: 5 }, () => refundIsThrough(producer, refund, event)),
      ...Array.from({ length: 5 }, () => refundIsThrough(producer, refund)),
    ]);
    // Besides the payment, one is handled.
    await logged(orderNo, 'event handled', 2);
    await logged(orderNo, 'duplicate event acknowledged', 10);
    expect((await announced(broker, orderNo)).filter((tag) => tag === 'Refunded')).toHaveLength(1);
  });

  it('of money that came too late leaves the order closed', async () => {
    const late = await placed();
    const { orderNo } = late;
    await order.query(`UPDATE orders SET status = 'CANCELLED' WHERE order_no = ?`, [orderNo]);
    await paymentSucceeded(producer, late);
    const [refund] = await until(
      async () => {
        const refunds = await refundsOf(orderNo);
        return refunds.length === 1 ? refunds : undefined;
      },
      { what: 'the refund' },
    );
    await refundIsThrough(producer, refund!);
    await until(async () => (await refundsOf(orderNo))[0]?.completedAt, { what: 'its end' });
    expect(await statusOf(orderNo)).toBe('CANCELLED');
    expect(await announced(broker, orderNo)).toEqual(['Created', 'PaidTooLate', 'Refunded']);
  });

  it('but belongs to another order, or to none, ends nothing and is a dead letter that says so', async () => {
    const orderNo = await paid();
    const refund = await asked(orderNo);
    const other = await paid();
    await refundIsThrough(producer, { ...refund, orderNo: other });
    await broker.drain('order-on-refund-completed', 'REFUND_EVENTS');
    const [letter] = await broker.dlq('order-on-refund-completed', { atLeast: 1 });
    expect(letter?.properties.get('DLQ_REASON')).toBe(
      `REFUND.NOT_FOUND: order ${other} has no refund ${refund.refundNo}`,
    );
    expect([await statusOf(orderNo), await statusOf(other)]).toEqual(['REFUNDING', 'PAID']);
  });
});
