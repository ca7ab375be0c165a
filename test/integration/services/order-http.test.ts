import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { describeApi } from '../../../services/common/service-process.ts';
import { until } from '../../support/deadline.ts';
import { announced } from './half-messages.ts';
import { createShopTopics, paymentSucceeded } from './shop-messages.ts';
import { startService, type RunningService } from './shop.ts';

interface OrderAnswer {
  orderNo: string;
  status: string;
  totalMinor: number;
}

const tea = { sku: 'TEA-GREEN-100', quantity: 2 };
const body = { userId: 'user-1', items: [tea, { sku: 'MUG-BLUE', quantity: 1 }] };

let broker: TestBroker;
let producer: Producer;
let order: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await createShopTopics(broker);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  order = await startService('order', { namesrvAddr: broker.namesrvAddr });
});

afterAll(async () => {
  await order[Symbol.asyncDispose]();
  await producer.shutdown();
  await broker.close();
});

const place = (key: string, content: unknown = body): Promise<Response> =>
  order.post('/orders', content, { 'Idempotency-Key': key });

async function placed(content: unknown = body): Promise<OrderAnswer> {
  const answer = await place(randomUUID(), content);
  expect(answer.status).toBe(201);
  return (await answer.json()) as OrderAnswer;
}

async function paid(answer: OrderAnswer): Promise<void> {
  const { orderNo } = answer;
  await paymentSucceeded(producer, answer);
  await until(
    async () => (await order.count('orders', `order_no = '${orderNo}' AND status = 'PAID'`)) === 1,
    {
      what: `${orderNo} paid`,
    },
  );
}

async function countOf(table: string, orderNo: string): Promise<number> {
  const [row] = await order.query<{ count: string }>(
    `SELECT COUNT(*) AS count FROM ${table} WHERE order_no = ?`,
    [orderNo],
  );
  return Number(row?.count);
}

describe('POST /orders', () => {
  it('answers with the priced order and leaves order, items and message behind', async () => {
    const answer = await place(randomUUID());
    expect(answer.status).toBe(201);
    const { orderNo, ...rest } = (await answer.json()) as OrderAnswer;
    expect(answer.headers.get('location')).toBe(`/orders/${orderNo}`);
    expect(rest).toEqual({
      userId: 'user-1',
      status: 'PENDING',
      items: [
        { ...tea, unitPriceMinor: 690 },
        { sku: 'MUG-BLUE', quantity: 1, unitPriceMinor: 1_200 },
      ],
      discountMinor: 0,
      totalMinor: 2_580,
      currency: 'EUR',
      placedAt: expect.stringMatching(/Z$/),
    });
    expect(await countOf('orders', orderNo)).toBe(1);
    expect(await countOf('order_items', orderNo)).toBe(2);
    expect(await announced(broker, orderNo)).toEqual(['Created']);
    const waiting = await broker.messages('rmq_sys_wheel_timer');
    expect(waiting.filter(({ keys }) => keys.includes(orderNo))).toMatchObject([
      { tags: 'CloseCheck' },
    ]);
  });

  it('gives the first answer again for the same key and body, even when the order has moved on', async () => {
    const key = randomUUID();
    const first = await place(key);
    const firstAnswer = (await first.json()) as OrderAnswer;
    await paid(firstAnswer);
    const second = await place(key);
    expect(second.status).toBe(201);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(await second.json()).toEqual(firstAnswer);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
  });

  it('refuses the same key with another body and names the order the key stands for', async () => {
    const key = randomUUID();
    const { orderNo } = (await (await place(key)).json()) as OrderAnswer;
    const other = await place(key, { ...body, items: [tea] });
    expect(other.status).toBe(409);
    expect(await other.json()).toMatchObject({
      code: 'REQUEST.KEY_REUSED',
      detail: expect.stringContaining(orderNo),
    });
  });

  it('places one order for 40 requests with one key at once', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 40 }, () => place(key)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    const orders = (await Promise.all(answers.map((answer) => answer.json()))) as OrderAnswer[];
    const orderNos = new Set(orders.map(({ orderNo }) => orderNo));
    expect(orderNos.size).toBe(1);
    const [orderNo] = orderNos;
    expect(await countOf('orders', orderNo!)).toBe(1);
    expect(await announced(broker, orderNo!)).toEqual(['Created']);
    const replays = answers.filter((answer) => answer.headers.has('idempotency-replayed'));
    expect(replays).toHaveLength(39);
  });

  it('tells keys apart by every letter', async () => {
    const key = randomUUID();
    const lower = (await (await place(`${key}a`)).json()) as OrderAnswer;
    const upper = (await (await place(`${key}A`)).json()) as OrderAnswer;
    expect(upper.orderNo).not.toBe(lower.orderNo);
  });

  it('has nothing to do with the keys of another shop that shares the Redis', async () => {
    const key = randomUUID();
    const { orderNo } = (await (await place(key)).json()) as OrderAnswer;
    await using other = await startService('order', { namesrvAddr: broker.namesrvAddr });
    const answer = await other.post('/orders', body, { 'Idempotency-Key': key });
    expect(answer.status).toBe(201);
    expect(answer.headers.has('idempotency-replayed')).toBe(false);
    expect(((await answer.json()) as OrderAnswer).orderNo).not.toBe(orderNo);
  });

  it('leaves nothing of a refused order, and its key is free again', async () => {
    const key = randomUUID();
    const refused = await place(key, { ...body, items: [tea, { sku: 'UFO', quantity: 1 }] });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      code: 'ORDER.UNKNOWN_SKU',
      errors: [{ field: 'items[1].sku', message: 'there is no sku UFO' }],
    });
    expect((await place(key)).status).toBe(201);
  });

  it('refuses 20 requests at once with one key and an unknown sku, each with the reason', async () => {
    const wrong = { ...body, items: [{ sku: 'UFO', quantity: 1 }] };
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => place(key, wrong)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([400]));
    expect((await place(key)).status).toBe(201);
  });

  it('takes an order at every limit', async () => {
    const items = Array.from({ length: 100 }, () => ({ sku: 'KETTLE-STEEL', quantity: 999 }));
    const { totalMinor } = await placed({ userId: 'u'.repeat(64), items });
    expect(totalMinor).toBe(100 * 999 * 5_990);
  });
});

describe('what was asked', () => {
  it('is logged with the order number of what was answered', async () => {
    const { orderNo } = await placed();
    await order.get(`/orders/${orderNo}`);
    const about = order.lines().filter((line) => line['orderNo'] === orderNo);
    expect(about).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ msg: 'request answered', route: '/orders', status: 201 }),
        expect.objectContaining({ route: '/orders/:orderNo', status: 200 }),
      ]),
    );
  });

  it('to be paid over HTTP is nothing an order service does', async () => {
    const { orderNo } = await placed();
    expect((await order.post(`/orders/${orderNo}/pay`)).status).toBe(404);
  });
});

describe('bad input', () => {
  const json = { 'content-type': 'application/json', 'Idempotency-Key': 'bad-input' };
  const send = (path: string, init: RequestInit): Promise<Response> =>
    fetch(`${order.url}${path}`, { method: 'POST', ...init });
  const items = (count: number): string =>
    JSON.stringify({ userId: 'user-1', items: Array.from({ length: count }, () => tea) });

  it.each<[string, number, string, () => Promise<Response>]>([
    ['no key', 400, 'Idempotency-Key', () => order.post('/orders', body)],
    ['a key of 129 characters', 400, '129', () => place('k'.repeat(129))],
    ['no body', 400, 'userId', () => order.post('/orders', undefined, { 'Idempotency-Key': 'k' })],
    ['an empty object', 400, 'items', () => place('k', {})],
    ['a list', 400, 'field(s) refused', () => place('k', [body])],
    ['a number', 400, 'field(s) refused', () => place('k', 5)],
    [
      'a quantity of zero',
      400,
      'from 1 to 999',
      () => place('k', { ...body, items: [{ ...tea, quantity: 0 }] }),
    ],
    [
      '10,000 items',
      400,
      'has 10000 entries, at most 100',
      () => send('/orders', { headers: json, body: items(10_000) }),
    ],
    [
      'a megabyte of brackets',
      400,
      'levels deep',
      () => send('/orders', { headers: json, body: '['.repeat(500_000) + ']'.repeat(500_000) }),
    ],
    [
      'a form',
      415,
      'Media Type',
      () =>
        send('/orders', { headers: { 'Idempotency-Key': 'k' }, body: new URLSearchParams('a=1') }),
    ],
    ['half a body', 400, 'JSON', () => send('/orders', { headers: json, body: '{"userId":"u' })],
    [
      'a poisoned prototype',
      400,
      'JSON',
      () => send('/orders', { headers: json, body: '{"__proto__":{"a":1}}' }),
    ],
    [
      'a content type nobody reads',
      415,
      'Media Type',
      () => send('/orders', { headers: { ...json, 'content-type': 'text/xml' }, body: '<order/>' }),
    ],
    [
      'plain text',
      415,
      'Media Type',
      () => send('/orders', { headers: { ...json, 'content-type': 'text/plain' }, body: '{}' }),
    ],
    [
      'a 10 MB body',
      413,
      'too large',
      () => send('/orders', { headers: json, body: Buffer.alloc(10_000_000, 'x') }),
    ],
    [
      'a coupon code of 15 characters',
      400,
      'must be the 16 characters of a coupon',
      () => place('k', { ...body, couponCode: 'K7QW2M9XPB4DRT6' }),
    ],
    [
      'a refund of an unknown order',
      404,
      'there is no order 4711',
      () => order.post('/orders/4711/refunds', {}, { 'Idempotency-Key': 'k' }),
    ],
    [
      'a refund without a key',
      400,
      'Idempotency-Key',
      () => order.post('/orders/4711/refunds', {}),
    ],
    [
      'a refund of an order number that is not ASCII',
      404,
      'there is no order',
      () =>
        order.post(`/orders/${encodeURIComponent('鸡')}/refunds`, {}, { 'Idempotency-Key': 'k' }),
    ],
    [
      'a refund of no items',
      400,
      'leave it out to refund all that is left',
      () => order.post('/orders/4711/refunds', { items: [] }, { 'Idempotency-Key': 'k' }),
    ],
    [
      'a refund of 1000 pieces',
      400,
      'items[0].quantity: is 1000, it must be a whole number from 1 to 999',
      () =>
        order.post(
          '/orders/4711/refunds',
          { items: [{ ...tea, quantity: 1_000 }] },
          { 'Idempotency-Key': 'k' },
        ),
    ],
    [
      'a refund of an amount',
      400,
      'amountMinor: should not exist',
      () => order.post('/orders/4711/refunds', { amountMinor: 1 }, { 'Idempotency-Key': 'k' }),
    ],
    ['refunds of an unknown order', 404, 'no order 4711', () => order.get('/orders/4711/refunds')],
    [
      'a transaction key of 65 characters',
      400,
      'that is no transaction key',
      () => order.post(`/order-transactions/${'k'.repeat(65)}/settle`),
    ],
    [
      'an unknown order',
      404,
      'there is no order',
      () => order.get('/orders/20261120-7K3M9Q2T4VXA'),
    ],
    [
      'an order number that is SQL',
      404,
      'there is no order',
      () => order.get(`/orders/${encodeURIComponent("' OR 1=1 --")}`),
    ],
    [
      'an order number that is not ASCII',
      404,
      'there is no order',
      () => order.get(`/orders/${encodeURIComponent('鸡')}`),
    ],
    ['a path that cannot be decoded', 400, 'not a valid url', () => order.get('/orders/%zz')],
    ['an unknown path', 404, '/nowhere', () => order.get('/nowhere')],
  ])('%s gets %i and a problem that says why', async (_what, status, detail, request) => {
    const answer = await request();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const problem = (await answer.json()) as { status: number; detail: string; title: string };
    expect(problem).toMatchObject({ status, title: expect.any(String), type: expect.any(String) });
    expect(`${problem.detail} ${problem.title}`).toContain(detail);
    expect((await order.get('/health/live')).status).toBe(200);
  });

  it('a 10 MB body sent piece by piece, its length untold, gets 413, too', async () => {
    const piece = new Uint8Array(1_000_000).fill(120);
    let sentCount = 0;
    const pieces = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sentCount++ === 10) controller.close();
        else controller.enqueue(piece);
      },
    });
    const answer = await fetch(`${order.url}/orders`, {
      method: 'POST',
      headers: json,
      body: pieces,
      duplex: 'half',
    });
    expect(answer.status).toBe(413);
    expect((await order.get('/health/live')).status).toBe(200);
  });
});

describe('what operators look at', () => {
  it('is ready with database and broker', async () => {
    const answer = await order.get('/health/ready');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      status: 'up',
      parts: { database: { status: 'up' }, mq: { status: 'up' } },
    });
  });

  it('describes its interface as OpenAPI', () => {
    const description = describeApi(order.app, { name: 'order', summary: 'under test' });
    expect(Object.keys(description.paths)).toEqual([
      '/orders',
      '/orders/{orderNo}',
      '/orders/{orderNo}/refunds',
      '/catalogue',
      '/flash-orders',
      '/order-transactions/{transactionKey}/settle',
      '/health/live',
      '/health/ready',
    ]);
    expect(Object.keys(description.components?.schemas ?? {})).toContain('PlaceOrderDto');
  });
});
