import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Admin, Producer, type ConsumedMessage } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import type { Handling } from '../../../services/common/consumption.ts';
import { SHOP_CURRENCY } from '../../../services/common/money.ts';
import type { PaymentEvent } from '../../../services/contracts/payment-events.ts';
import { PayOrder } from '../../../services/order/application/pay-order.ts';
import { until, within } from '../../support/deadline.ts';
import { announced } from './half-messages.ts';
import { untilLockWaits } from './lock-waits.ts';
import { createShopTopics, paymentSucceeded, shipped, type PayableOrder } from './shop-messages.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const RETRY_COUNT = 2;
const PAYMENTS = 'order-on-payment-succeeded';
const SHIPMENTS = 'order-on-shipped';

const schema = newSchema();
let broker: TestBroker;
let admin: Admin;
let producer: Producer;
/** Two processes of the service, who share its queues. */
let orders: [RunningService, RunningService];

beforeAll(async () => {
  broker = await testBroker();
  await createShopTopics(broker);
  admin = new Admin({ namesrvAddr: broker.namesrvAddr });
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  const options = {
    namesrvAddr: broker.namesrvAddr,
    schema,
    env: { MAX_RECONSUME_TIMES: String(RETRY_COUNT) },
  };
  orders = [await startService('order', options), await startService('order', options)];
});

afterAll(async () => {
  for (const order of orders) await order[Symbol.asyncDispose]();
  await producer.shutdown();
  await admin.shutdown();
  await broker.close();
  await dropSchema(schema);
});

async function placed(): Promise<PayableOrder> {
  const body = { userId: 'user-1', items: [{ sku: 'MUG-BLUE', quantity: 2 }] };
  const answer = await orders[0].post('/orders', body, { 'Idempotency-Key': randomUUID() });
  expect(answer.status).toBe(201);
  return (await answer.json()) as PayableOrder;
}

interface OrderAnswer extends PayableOrder {
  status: string;
}

async function find(orderNo: string): Promise<OrderAnswer> {
  const answer = await orders[0].get(`/orders/${orderNo}`);
  return (await answer.json()) as OrderAnswer;
}

const becomes = (orderNo: string, status: string): Promise<unknown> =>
  until(async () => (await find(orderNo)).status === status, { what: `${orderNo} ${status}` });

async function paid(): Promise<PayableOrder> {
  const order = await placed();
  await paymentSucceeded(producer, order);
  await becomes(order.orderNo, 'PAID');
  return order;
}

async function closed(): Promise<PayableOrder> {
  const order = await placed();
  await orders[0].query(
    `UPDATE orders SET status = 'CANCELLED', closed_at = UTC_TIMESTAMP(3) WHERE order_no = ?`,
    [order.orderNo],
  );
  return order;
}

/** Of both processes. */
const logged = (orderNo: string, text: string, count = 1): Promise<unknown> =>
  until(() => orders.reduce((sum, order) => sum + order.logged(orderNo, text), 0) === count, {
    what: `${count} × "${text}" of ${orderNo}`,
  });

async function letterOf(group: string, orderNo: string): Promise<ConsumedMessage> {
  return until(
    async () => (await admin.dlq(group).catch(() => [])).find(({ keys }) => keys.includes(orderNo)),
    { what: `a dead letter of ${orderNo}`, pollMs: 50 },
  );
}

const reasonOf = (letter: ConsumedMessage): string | undefined =>
  letter.properties.get('DLQ_REASON');

const refundsOf = (orderNo: string): Promise<Record<string, unknown>[]> =>
  orders[0].query(
    'SELECT reason, payment_no, amount_minor, completed_at FROM order_refunds WHERE order_no = ?',
    [orderNo],
  );

describe('a payment that has succeeded', () => {
  it('makes its order PAID, which is announced with what was bought', async () => {
    const { orderNo } = await paid();
    expect(await find(orderNo)).toMatchObject({
      paymentNo: `PAY-${orderNo}`,
      paidAt: expect.stringMatching(/Z$/),
    });
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Paid']);
    const messages = await broker.messages('ORDER_EVENTS');
    const event = messages.find(({ keys, tags }) => keys.includes(orderNo) && tags === 'Paid')!;
    expect(JSON.parse(event.text())).toMatchObject({
      type: 'Paid',
      totalMinor: 2_400,
      paymentNo: `PAY-${orderNo}`,
      items: [{ sku: 'MUG-BLUE', quantity: 2, unitPriceMinor: 1_200 }],
    });
  });

  it('has its effect once, however often and by whatever eventId it is told', async () => {
    const order = await placed();
    const { orderNo } = order;
    const event = await paymentSucceeded(producer, order);
    await Promise.all([
      ...Array.from({ length: 6 }, () => paymentSucceeded(producer, order, event)),
      ...Array.from({ length: 6 }, () => paymentSucceeded(producer, order)),
    ]);
    await logged(orderNo, 'event handled');
    await logged(orderNo, 'duplicate event acknowledged', 12);
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Paid']);
  });

  it('of an order that somebody does not let go of does not keep those waiting that come with it', async () => {
    const [held, free] = [await placed(), await placed()];
    const holder = orders[0].database.createQueryRunner();
    await holder.startTransaction();
    try {
      await holder.query('SELECT 1 FROM orders WHERE order_no = ? FOR UPDATE', [held.orderNo]);
      const payOrder = orders[0].app.get(PayOrder);
      const [waiting, handling] = [held, free].map((order) =>
        payOrder.execute({
          orderNo: order.orderNo,
          paymentNo: `PAY-${order.orderNo}`,
          amountMinor: 2_400,
          currency: SHOP_CURRENCY,
        }),
      );
      expect(await within(handling!, 'the payment of the other order')).toBe('handled');
      expect(await find(held.orderNo)).toMatchObject({ status: 'PENDING' });
      await holder.rollbackTransaction();
      expect(await waiting).toBe('handled');
    } finally {
      await holder.release();
    }
    for (const { orderNo } of [held, free]) await becomes(orderNo, 'PAID');
  });

  it('of another amount is a dead letter that says so, and pays nothing', async () => {
    const order = await placed();
    const { orderNo } = order;
    await paymentSucceeded(producer, order, { amountMinor: 2_399 });
    expect(reasonOf(await letterOf(PAYMENTS, orderNo))).toBe(
      `PAYMENT.WRONG_AMOUNT: payment PAY-${orderNo} is over 2399 EUR, order ${orderNo} over 2400 EUR`,
    );
    await logged(orderNo, 'dead letter parked, it stays in the DLQ');
    expect((await find(orderNo)).status).toBe('PENDING');
    await paymentSucceeded(producer, order, { paymentNo: 'P-right' });
    await becomes(orderNo, 'PAID');
  });

  it('in another currency is one, too', async () => {
    const order = await placed();
    await paymentSucceeded(producer, order, { currency: 'USD' });
    expect(reasonOf(await letterOf(PAYMENTS, order.orderNo))).toContain('is over 2400 USD');
  });

  it('of an order that another payment has paid is one: that money must not be forgotten', async () => {
    const order = await paid();
    const { orderNo } = order;
    await paymentSucceeded(producer, order, { paymentNo: 'P-other' });
    expect(reasonOf(await letterOf(PAYMENTS, orderNo))).toBe(
      `PAYMENT.PAID_TWICE: payment P-other is for order ${orderNo}, which payment PAY-${orderNo} has paid`,
    );
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Paid']);
  });

  it('of an order nobody knows is one after its retries', async () => {
    const orderNo = '20261120-0000000000ZZ';
    await paymentSucceeded(producer, { orderNo, totalMinor: 1 });
    await broker.drain(PAYMENTS, 'PAYMENT_EVENTS');
    expect(reasonOf(await letterOf(PAYMENTS, orderNo))).toBe(
      `ORDER.NOT_FOUND: there is no order ${orderNo}`,
    );
    await logged(orderNo, 'event not handled, to be retried', RETRY_COUNT);
    // It may turn up yet.
    await logged(orderNo, 'dead letter not delivered, to be tried again');
  });

  it('is paid by the next try when it was unreadable for others only', async () => {
    const poison = `poison-${randomUUID()}`;
    const bodies = ['<xml/>', '[]', '{}', '{"type":"Succeeded","eventId":"e","paymentNo":"a b"}'];
    for (const body of bodies) {
      await producer.send({ topic: 'PAYMENT_EVENTS', tags: 'Succeeded', keys: poison, body });
    }
    await paid();
    await logged(poison, 'event is a dead letter now', bodies.length);
    expect(reasonOf(await letterOf(PAYMENTS, poison))).toMatch(/^MESSAGE\.POISON: /);
  });
});

describe('a payment that comes too late', () => {
  it('goes back, once, and is announced; the order stays closed', async () => {
    const order = await closed();
    const { orderNo } = order;
    const event = await paymentSucceeded(producer, order);
    await logged(orderNo, 'event handled');
    for (const copy of [event, {}]) await paymentSucceeded(producer, order, copy);
    await logged(orderNo, 'duplicate event acknowledged', 2);
    expect(await refundsOf(orderNo)).toEqual([
      {
        reason: 'LATE_PAYMENT',
        payment_no: `PAY-${orderNo}`,
        amount_minor: '2400',
        completed_at: null,
      },
    ]);
    expect(await announced(broker, orderNo)).toEqual(['Created', 'PaidTooLate']);
    expect((await find(orderNo)).status).toBe('CANCELLED');
    const { items } = (await (await orders[0].get(`/orders/${orderNo}/refunds`)).json()) as {
      items: unknown[];
    };
    expect(items).toEqual([
      expect.objectContaining({ reason: 'LATE_PAYMENT', amountMinor: 2_400, items: [] }),
    ]);
  });

  it('goes back once when it is delivered to two processes at once', async () => {
    const order = await closed();
    const { orderNo, totalMinor } = order;
    const event: PaymentEvent = {
      type: 'Succeeded',
      eventId: randomUUID(),
      paymentNo: `PAY-${orderNo}`,
      orderNo,
      amountMinor: totalMinor,
      currency: 'EUR',
      occurredAt: new Date().toISOString(),
    };
    const take = (service: RunningService): Promise<Handling> =>
      service.app.get(PayOrder).execute(event);
    // Both have looked, and wait for the order's row, which the refund's refers to.
    const holder = orders[0].database.createQueryRunner();
    await holder.startTransaction();
    await holder.query('SELECT order_no FROM orders WHERE order_no = ? FOR UPDATE', [orderNo]);
    const both = orders.flatMap((service) => [take(service), take(service)]);
    await untilLockWaits(orders[0].database, schema, 4);
    await holder.rollbackTransaction();
    await holder.release();
    expect((await Promise.all(both)).toSorted()).toEqual([
      'duplicate',
      'duplicate',
      'duplicate',
      'handled',
    ]);
    expect(await refundsOf(orderNo)).toHaveLength(1);
    expect(await announced(broker, orderNo)).toEqual(['Created', 'PaidTooLate']);
  });

  it('twice, by two payments, goes back twice', async () => {
    const order = await closed();
    const { orderNo } = order;
    for (const paymentNo of [`A-${orderNo}`, `B-${orderNo}`]) {
      await paymentSucceeded(producer, order, { paymentNo });
    }
    await logged(orderNo, 'event handled', 2);
    expect(await refundsOf(orderNo)).toHaveLength(2);
    expect(await announced(broker, orderNo)).toEqual(['Created', 'PaidTooLate', 'PaidTooLate']);
  });
});

describe('a shipment', () => {
  it('makes its order SHIPPED, once, and is announced', async () => {
    const { orderNo } = await paid();
    const event = await shipped(producer, orderNo);
    await becomes(orderNo, 'SHIPPED');
    for (const copy of [event, { trackingNo: 'T-other' }]) await shipped(producer, orderNo, copy);
    await logged(orderNo, 'duplicate event acknowledged', 2);
    expect(await find(orderNo)).toMatchObject({
      trackingNo: `TRACK-${orderNo}`,
      shippedAt: event.occurredAt,
    });
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Paid', 'Shipped']);
  });

  it('of an order that is being refunded is noted; the order is REFUNDING still', async () => {
    const { orderNo } = await paid();
    const answer = await orders[0].post(
      `/orders/${orderNo}/refunds`,
      {},
      { 'Idempotency-Key': orderNo },
    );
    expect(answer.status).toBe(202);
    await shipped(producer, orderNo);
    await until(async () => 'trackingNo' in (await find(orderNo)), { what: 'the tracking number' });
    expect((await find(orderNo)).status).toBe('REFUNDING');
    expect(await announced(broker, orderNo)).toEqual([
      'Created',
      'Paid',
      'RefundRequested',
      'Shipped',
    ]);
  });

  it('of an order nobody has paid is refused for good', async () => {
    const { orderNo } = await placed();
    await shipped(producer, orderNo);
    await logged(orderNo, 'event refused for good');
    expect((await find(orderNo)).status).toBe('PENDING');
    expect(await announced(broker, orderNo)).toEqual(['Created']);
  });

  it('of an order nobody knows is a dead letter after its retries', async () => {
    const orderNo = '20261120-0000000000YY';
    await shipped(producer, orderNo);
    await broker.drain(SHIPMENTS, 'WAREHOUSE_EVENTS');
    expect(reasonOf(await letterOf(SHIPMENTS, orderNo))).toBe(
      `ORDER.NOT_FOUND: there is no order ${orderNo}`,
    );
  });
});
