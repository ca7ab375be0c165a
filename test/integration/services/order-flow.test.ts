import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { createdEvent, paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { createShopTopics, paymentSucceeded, type PayableOrder } from './shop-messages.ts';
import { dropSchema, newSchema, redisUrl, startService, type RunningService } from './shop.ts';

/** A database of its own within Redis, so that it can be flushed under the services' feet. */
const ownRedis = new URL('/1', redisUrl()).href;

const couponSchema = newSchema();
let broker: TestBroker;
let producer: Producer;
let redis: Redis;
let order: RunningService;
let push: RunningService;
let coupons: RunningService[];

beforeAll(async () => {
  broker = await testBroker();
  await createShopTopics(broker, 4);
  const options = { namesrvAddr: broker.namesrvAddr, redisUrl: ownRedis };
  redis = new Redis(ownRedis);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  await producer.start();
  order = await startService('order', options);
  push = await startService('push', options);
  // Two processes of one service: they share the queues and the schema, and start at the same time.
  coupons = await Promise.all(
    [1, 2].map(() => startService('coupon', { ...options, schema: couponSchema })),
  );
}, 60_000);

afterAll(async () => {
  for (const service of [order, push, ...coupons]) await service[Symbol.asyncDispose]();
  await dropSchema(couponSchema);
  await producer.shutdown();
  redis.disconnect();
  await broker.close();
}, 60_000);

async function placeOrder(): Promise<PayableOrder> {
  const answer = await order.post(
    '/orders',
    { userId: 'user-1', items: [{ sku: 'POT-GLASS', quantity: 1 }] },
    { 'Idempotency-Key': randomUUID() },
  );
  expect(answer.status).toBe(201);
  return (await answer.json()) as PayableOrder;
}

/** Places an order and tells that its payment has succeeded. */
async function buy(): Promise<string> {
  const placed = await placeOrder();
  await paymentSucceeded(producer, placed);
  return placed.orderNo;
}

async function itemsOf(service: RunningService, path: string): Promise<unknown[]> {
  const { items } = (await (await service.get(path)).json()) as { items: unknown[] };
  return items;
}

const couponsOf = (orderNo: string): Promise<unknown[]> =>
  itemsOf(coupons[0]!, `/coupons?orderNo=${orderNo}`);
const notificationsOf = (orderNo: string): Promise<unknown[]> =>
  itemsOf(push, `/notifications?orderNo=${orderNo}`);

async function arrived(orderNo: string): Promise<void> {
  await until(
    async () =>
      (await couponsOf(orderNo)).length > 0 && (await notificationsOf(orderNo)).length > 1,
    { what: `coupon and notifications of ${orderNo}`, timeoutMs: 30_000 },
  );
}

/** Notifications of an order that the gateway has not had. */
async function undelivered(orderNo: string): Promise<number> {
  const [row] = await push.query<{ count: string }>(
    'SELECT COUNT(*) AS count FROM notifications WHERE order_no = ? AND delivered_at IS NULL',
    [orderNo],
  );
  return Number(row?.count);
}

/** Sends a body as if the order service had; resolves when it is stored. */
const send = async (body: string, tags: string, keys: string): Promise<void> => {
  await producer.send({ topic: 'ORDER_EVENTS', tags, keys, body });
};

/** How often both services have logged this of an order. */
const logged = (orderNo: string, text: string): number =>
  [push, ...coupons]
    .flatMap((service) => service.lines())
    .filter((line) => line['orderNo'] === orderNo && line['msg'] === text).length;

describe('an order on its way through the broker', () => {
  it('brings its coupon and both notifications once it is paid', async () => {
    const orderNo = await buy();
    await arrived(orderNo);
    expect(await couponsOf(orderNo)).toEqual([
      expect.objectContaining({ orderNo, userId: 'user-1', amountMinor: 172, currency: 'EUR' }),
    ]);
    expect(await notificationsOf(orderNo)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ orderNo, kind: 'Created' }),
        expect.objectContaining({ orderNo, kind: 'Paid' }),
      ]),
    );
    await until(async () => (await undelivered(orderNo)) === 0, { what: 'the gateway has both' });
  });

  it('brings no coupon before it is paid', async () => {
    const { orderNo } = await placeOrder();
    await until(async () => (await notificationsOf(orderNo)).length === 1, {
      what: 'the notification of the placed order',
    });
    expect(await couponsOf(orderNo)).toEqual([]);
  });

  it('has no second effect when every message arrives again, with Redis flushed in between', async () => {
    const orderNo = await buy();
    await arrived(orderNo);
    const messages = (await broker.messages('ORDER_EVENTS')).filter(({ keys }) =>
      keys.includes(orderNo),
    );
    for (const isFlushed of [false, true]) {
      if (isFlushed) await redis.flushdb();
      for (const message of messages) await send(message.text(), message.tags ?? '', orderNo);
    }
    // Of each round, one Paid for coupon and both events for push.
    await until(() => logged(orderNo, 'duplicate event acknowledged') === 6, {
      what: 'six duplicates',
    });
    expect(await couponsOf(orderNo)).toHaveLength(1);
    expect(await notificationsOf(orderNo)).toHaveLength(2);
  });

  it('brings one coupon when the same payment is told by two events', async () => {
    const orderNo = `twice-${randomUUID()}`;
    for (const eventId of [randomUUID(), randomUUID()]) {
      await send(JSON.stringify({ ...paidEvent, orderNo, eventId }), 'Paid', orderNo);
    }
    await until(
      () => logged(orderNo, 'the order already has its coupon; this event told of it again') === 1,
    );
    expect(await couponsOf(orderNo)).toHaveLength(1);
  });

  it('is not held up by messages nobody can read', async () => {
    const poison = `poison-${randomUUID()}`;
    for (const body of ['<xml/>', '[]', JSON.stringify({ ...createdEvent, type: 'Lost' })]) {
      for (let copy = 0; copy < 8; copy++) await send(body, 'Paid', poison);
    }
    const orderNo = await buy();
    await arrived(orderNo);
    const complaint = push.lines().find((line) => line['orderNo'] === poison);
    expect(complaint).toMatchObject({
      msg: 'event is a dead letter now',
      code: 'MESSAGE.POISON',
      messageId: expect.any(String),
      topic: 'ORDER_EVENTS',
    });
  });

  it('is joined by 50 others, and none gets lost or doubled', async () => {
    const orderNos = await Promise.all(Array.from({ length: 50 }, () => buy()));
    await Promise.all(orderNos.map((orderNo) => arrived(orderNo)));
    for (const orderNo of orderNos) {
      expect(await couponsOf(orderNo)).toHaveLength(1);
      expect(await notificationsOf(orderNo)).toHaveLength(2);
    }
  }, 60_000);

  it('is asked for by its number, and by nothing else', async () => {
    for (const path of ['/coupons', '/coupons?orderNo=', '/coupons?orderNo=a&orderNo=b']) {
      const answer = await coupons[0]!.get(path);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ errors: [{ field: 'orderNo' }] });
    }
    expect((await push.get('/notifications?orderNo=4711&more=1')).status).toBe(400);
    expect(await notificationsOf('4711')).toEqual([]);
  });

  it('finds all services ready', async () => {
    for (const service of [order, push, ...coupons]) {
      const answer = await service.get('/health/ready');
      expect(await answer.json()).toMatchObject({ status: 'up' });
      expect(answer.status).toBe(200);
    }
  });
});
