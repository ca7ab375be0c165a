import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import type { ReservationCheck } from '../../../services/contracts/reservation-check.ts';
import { until } from '../../support/deadline.ts';
import { FakePeer, refusal, type PeerAnswer } from './fake-peer.ts';
import { settledCount, settles } from './order-settlement.ts';
import { untilLockWaits } from './lock-waits.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';
import {
  levelOf,
  movementsOf,
  outcomeOf,
  received,
  reserved,
  statusOf,
  unbalanced,
  wishFor,
  type Wish,
} from './stock-room.ts';

const schema = newSchema();
let broker: TestBroker;
let producer: Producer;
let orders: FakePeer;
let stock: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  for (const topic of ['ORDER_EVENTS', 'RESERVATION_CHECK', 'REFUND_EVENTS']) {
    await broker.createTopic(topic);
  }
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  orders = await FakePeer.start();
  stock = await startService('stock', {
    namesrvAddr: broker.namesrvAddr,
    schema,
    env: { ORDER_URL: orders.url, ORDER_TIMEOUT_MS: '1000' },
  });
});

afterAll(async () => {
  await stock[Symbol.asyncDispose]();
  await orders[Symbol.asyncDispose]();
  await producer.shutdown();
  await broker.close();
  await dropSchema(schema);
});

const reserve = (wish: object): Promise<string> => outcomeOf(stock.post('/reservations', wish));
const release = (orderNo: string): Promise<string> =>
  outcomeOf(stock.post(`/reservations/${orderNo}/release`, {}));

const parallel = <T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => act(index)));

const logged = (orderNo: string, text: string): Promise<unknown> =>
  until(() => stock.logged(orderNo, text) > 0, { what: `"${text}" of ${orderNo}` });

describe('the stock', () => {
  it('begins with a delivery of every sku of the catalogue', async () => {
    const { items } = (await (await stock.get('/stock')).json()) as {
      items: { sku: string; available: number }[];
    };
    expect(items).toHaveLength(12);
    expect(items).toContainEqual({ sku: 'MUG-BLUE', available: 1_000_000, reserved: 0, sold: 0 });
    expect(await levelOf(stock, 'GRINDER-HAND')).toMatchObject({ available: 100_000 });
    expect(await unbalanced(stock)).toEqual([]);
  });

  it.each(['NO-SUCH-SKU', 'mug-blue', 'ÜBER', 'A'.repeat(33)])('knows no %s: 404', async (sku) => {
    const answer = stock.get(`/stock/${encodeURIComponent(sku)}`);
    expect(await outcomeOf(answer)).toBe('404 STOCK.NOT_FOUND');
  });
});

describe('a reservation', () => {
  it('takes all its items, and the ledger says so', async () => {
    const tea = await received(stock, 10);
    const mug = await received(stock, 3);
    const answer = await stock.post('/reservations', wishFor([tea, 4], [mug, 3]));
    expect(answer.status).toBe(200);
    const { orderNo, status } = (await answer.json()) as { orderNo: string; status: string };
    expect(status).toBe('RESERVED');
    expect(await levelOf(stock, tea)).toEqual({ sku: tea, available: 6, reserved: 4, sold: 0 });
    expect(await levelOf(stock, mug)).toEqual({ sku: mug, available: 0, reserved: 3, sold: 0 });
    expect((await movementsOf(stock, orderNo)).toSorted()).toEqual(
      [`RESERVED ${mug} 3`, `RESERVED ${tea} 4`].toSorted(),
    );
  });

  it('takes nothing when one item is short, and names every one that is', async () => {
    const enough = await received(stock, 10);
    const short = await received(stock, 2);
    const none = await received(stock, 0);
    const wish = wishFor([enough, 1], [short, 3], [none, 1], ['NO-SUCH-SKU', 7]);
    const answer = await stock.post('/reservations', wish);
    expect(answer.status).toBe(409);
    const problem = (await answer.json()) as { detail: string; errors: { field: string }[] };
    expect(problem).toMatchObject({ code: 'STOCK.INSUFFICIENT' });
    expect(problem.errors).toEqual([
      { field: short, message: '3 wanted, 2 available' },
      { field: none, message: '1 wanted, 0 available' },
      { field: 'NO-SUCH-SKU', message: '7 wanted, 0 available' },
    ]);
    for (const { field } of problem.errors) expect(problem.detail).toContain(`${field}: `);
    expect(await levelOf(stock, enough)).toMatchObject({ available: 10, reserved: 0 });
    expect(await statusOf(stock, wish.orderNo)).toBeUndefined();
    expect(await movementsOf(stock, wish.orderNo)).toEqual([]);
  });

  it('is had by 5 of 20 who want the last 5 pieces at once', async () => {
    const sku = await received(stock, 5);
    const outcomes = await parallel(20, () => reserve(wishFor([sku, 1])));
    expect(outcomes.toSorted()).toEqual([
      ...Array.from({ length: 5 }, () => '200'),
      ...Array.from({ length: 15 }, () => '409 STOCK.INSUFFICIENT'),
    ]);
    expect(await levelOf(stock, sku)).toEqual({ sku, available: 0, reserved: 5, sold: 0 });
    expect(await unbalanced(stock)).toEqual([]);
  });

  it('cannot be in a deadlock with one that names the same skus in another order', async () => {
    const skus = [await received(stock, 1_000), await received(stock, 1_000)] as const;
    const outcomes = await parallel(40, (index) => {
      const [one, other] = index % 2 === 0 ? skus : skus.toReversed();
      return reserve(wishFor([one, 1], [other, 1]));
    });
    expect(new Set(outcomes)).toEqual(new Set(['200']));
    for (const sku of skus) expect(await levelOf(stock, sku)).toMatchObject({ reserved: 40 });
  });

  it('is made once however often it is asked for, also at once', async () => {
    const sku = await received(stock, 10);
    const wish = wishFor([sku, 2]);
    expect(new Set(await parallel(10, () => reserve(wish)))).toEqual(new Set(['200']));
    expect(await reserve({ ...wish, items: wish.items.toReversed() })).toBe('200');
    expect(await levelOf(stock, sku)).toMatchObject({ available: 8, reserved: 2 });
    expect(await movementsOf(stock, wish.orderNo)).toEqual([`RESERVED ${sku} 2`]);
  });

  it('is refused when the order has another one', async () => {
    const sku = await received(stock, 10);
    const wish = await reserved(stock, [sku, 2]);
    const others = [
      { ...wish, items: [{ sku, quantity: 3 }] },
      { ...wish, items: [...wish.items, { sku: 'MUG-BLUE', quantity: 1 }] },
      { ...wish, transactionKey: randomUUID() },
    ];
    for (const other of others) expect(await reserve(other)).toBe('409 STOCK.RESERVED_OTHERWISE');
    expect(await levelOf(stock, sku)).toMatchObject({ available: 8, reserved: 2 });
  });

  it('is one of two for the same order that come at once, and the other is refused', async () => {
    const skus = [await received(stock, 5), await received(stock, 5)];
    const { orderNo } = wishFor();
    const wishes = skus.map((sku) => ({ ...wishFor([sku, 2]), orderNo }));
    const outcomes = await Promise.all(wishes.map((wish) => reserve(wish)));
    expect(outcomes.toSorted()).toEqual(['200', '409 STOCK.RESERVED_OTHERWISE']);
    expect(await movementsOf(stock, orderNo)).toEqual([
      `RESERVED ${skus[outcomes.indexOf('200')]} 2`,
    ]);
  });

  it('may be as large as an order can be', async () => {
    const sku = await received(stock, 99_900);
    expect(await reserve(wishFor([sku, 99_900]))).toBe('200');
    expect(await levelOf(stock, sku)).toMatchObject({ available: 0, reserved: 99_900 });
  });

  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ['no orderNo', { orderNo: undefined }, 'orderNo', /^is missing, it must be 1 to 64 visible/],
    ['an orderNo with a blank', { orderNo: 'a b' }, 'orderNo', /^is "a b", it must be 1 to 64/],
    ['an orderNo too long', { orderNo: 'x'.repeat(65) }, 'orderNo', /^is "x{64}"…, it must be/],
    ['a transactionKey that is none', { transactionKey: 7 }, 'transactionKey', /^is a number, /],
    ['no items', { items: [] }, 'items', /^is empty/],
    ['items that are no list', { items: 'MUG' }, 'items', /^must be a list/],
    [
      'too many items',
      { items: Array.from({ length: 101 }, () => ({ sku: 'A', quantity: 1 })) },
      'items',
      /^has 101 entries, at most 100/,
    ],
    ['a sku that is none', { items: [{ sku: 'mug', quantity: 1 }] }, 'items[0].sku', /^is "mug", /],
    [
      'a sku twice',
      {
        items: [
          { sku: 'A', quantity: 1 },
          { sku: 'A', quantity: 1 },
        ],
      },
      'items[1].sku',
      /^is A again, as in items\[0\]/,
    ],
    ['a quantity of 0', { items: [{ sku: 'A', quantity: 0 }] }, 'items[0].quantity', /^is 0, /],
    ['half a piece', { items: [{ sku: 'A', quantity: 0.5 }] }, 'items[0].quantity', /^is 0.5, /],
    [
      'more than an order can have',
      { items: [{ sku: 'A', quantity: 99_901 }] },
      'items[0].quantity',
      /^is 99901, it must be a whole number from 1 to 99900/,
    ],
    ['a field nobody knows', { price: 1 }, 'price', /^should not exist/],
  ])('with %s is refused, by that field', async (_what, change, field, message) => {
    const answer = await stock.post('/reservations', { ...wishFor(['MUG-BLUE', 1]), ...change });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 'REQUEST.INVALID',
      errors: [{ field, message: expect.stringMatching(message) }],
    });
  });
});

describe('a release', () => {
  it('gives everything back, once', async () => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 4]);
    expect(new Set(await parallel(5, () => release(orderNo)))).toEqual(new Set(['200']));
    expect(await levelOf(stock, sku)).toEqual({ sku, available: 10, reserved: 0, sold: 0 });
    expect(await movementsOf(stock, orderNo)).toEqual([`RESERVED ${sku} 4`, `RELEASED ${sku} 4`]);
  });

  it('that comes before its reservation has that refused', async () => {
    const sku = await received(stock, 10);
    const wish = wishFor([sku, 4]);
    expect(await release(wish.orderNo)).toBe('200');
    expect(await reserve(wish)).toBe('409 STOCK.RELEASED');
    expect(await release(wish.orderNo)).toBe('200');
    expect(await levelOf(stock, sku)).toMatchObject({ available: 10 });
  });

  it('and a reservation at once leave nothing set aside, whoever is first', async () => {
    const sku = await received(stock, 1_000);
    const outcomes = await parallel(30, async () => {
      const wish = wishFor([sku, 1]);
      const [reservation, released] = await Promise.all([reserve(wish), release(wish.orderNo)]);
      expect(released).toBe('200');
      return reservation;
    });
    expect(['200', '409 STOCK.RELEASED']).toEqual(expect.arrayContaining([...new Set(outcomes)]));
    expect(await levelOf(stock, sku)).toMatchObject({ available: 1_000, reserved: 0 });
    expect(await unbalanced(stock)).toEqual([]);
  });

  it('is refused when the order was placed, or is paid', async () => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 1]);
    await stock.query('UPDATE reservations SET is_order_known = TRUE WHERE order_no = ?', [
      orderNo,
    ]);
    expect(await release(orderNo)).toBe('409 STOCK.ORDER_PLACED');
    await stock.query(`UPDATE reservations SET status = 'CONFIRMED' WHERE order_no = ?`, [orderNo]);
    expect(await release(orderNo)).toBe('409 STOCK.CONFIRMED');
    expect(await levelOf(stock, sku)).toMatchObject({ available: 9, reserved: 1 });
  });

  it('of what cannot be an order is refused', async () => {
    expect(await release('a%20b')).toBe('400 REQUEST.INVALID');
    expect(await release('x'.repeat(65))).toBe('400 REQUEST.INVALID');
  });
});

describe('the check of a reservation', () => {
  const checkOf = ({ orderNo, transactionKey }: Wish): ReservationCheck => ({
    type: 'Stock',
    eventId: randomUUID(),
    orderNo,
    transactionKey,
  });

  const send = (check: ReservationCheck): Promise<unknown> =>
    producer.send({
      topic: 'RESERVATION_CHECK',
      tags: check.type,
      keys: check.orderNo,
      body: JSON.stringify(check),
    });

  it('lets go, a minute later and not before, of what no order was placed for', async () => {
    const sku = await received(stock, 10);
    const wish = await reserved(stock, [sku, 4]);
    settles(orders, wish, { isPlaced: false });
    await broker.clock.advance('50s');
    expect(settledCount(orders, wish)).toBe(0);
    await broker.clock.advance('15s');
    await logged(wish.orderNo, 'event handled');
    expect(settledCount(orders, wish)).toBe(1);
    expect(await levelOf(stock, sku)).toMatchObject({ available: 10, reserved: 0 });
    expect(await statusOf(stock, wish.orderNo)).toEqual({
      status: 'RELEASED',
      isOrderKnown: false,
    });
  });

  it('leaves alone what an order was placed for, and asks no more', async () => {
    const sku = await received(stock, 10);
    const wish = await reserved(stock, [sku, 4]);
    settles(orders, wish, { isPlaced: true });
    await broker.clock.advance('65s');
    await logged(wish.orderNo, 'event handled');
    expect(await statusOf(stock, wish.orderNo)).toEqual({ status: 'RESERVED', isOrderKnown: true });
    await send(checkOf(wish));
    await logged(wish.orderNo, 'overtaken event acknowledged');
    expect(settledCount(orders, wish)).toBe(1);
    expect(await levelOf(stock, sku)).toMatchObject({ available: 6, reserved: 4 });
  });

  it.each<[string, PeerAnswer]>([
    ['is away', 'drop'],
    ['does not answer', 'hang'],
    ['has a fault', { status: 500, body: {} }],
    ['does not say', { status: 200, body: {} }],
    ['says null', { status: 200, body: null }],
    ['is another service', refusal(404, 'HTTP.404')],
    ['refuses the question', refusal(409, 'ORDER.WHATEVER')],
  ])('is tried again while the order service %s', async (_what, instead) => {
    const sku = await received(stock, 10);
    const wish = await reserved(stock, [sku, 4]);
    settles(orders, wish, { instead });
    await broker.clock.advance('65s');
    await logged(wish.orderNo, 'event not handled, to be retried');
    expect(await levelOf(stock, sku)).toMatchObject({ reserved: 4 });
    settles(orders, wish, { isPlaced: false });
    await broker.clock.advance('1m');
    await logged(wish.orderNo, 'event handled');
    expect(await levelOf(stock, sku)).toMatchObject({ available: 10, reserved: 0 });
  });

  it('that comes first sees to it that the reservation never does', async () => {
    const sku = await received(stock, 10);
    const wish = wishFor([sku, 1]);
    await send(checkOf(wish));
    await logged(wish.orderNo, 'overtaken event acknowledged');
    expect(await reserve(wish)).toBe('409 STOCK.RELEASED');
    expect(settledCount(orders, wish)).toBe(0);
  });

  it('waits for a reservation that is still being made, and looks after it', async () => {
    const sku = await received(stock, 10);
    const wish = wishFor([sku, 1]);
    settles(orders, wish, { isPlaced: false });
    const blocker = stock.database.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query('SELECT * FROM stock_levels WHERE sku = ? FOR UPDATE', [sku]);
    const reserving = reserve(wish);
    await untilLockWaits(stock.database, schema, 1);
    await send(checkOf(wish));
    await untilLockWaits(stock.database, schema, 2);
    await blocker.rollbackTransaction();
    await blocker.release();
    expect(await reserving).toBe('200');
    await logged(wish.orderNo, 'event handled');
    expect(await levelOf(stock, sku)).toMatchObject({ available: 10, reserved: 0 });
  });

  it('of a request that was refused does not touch the reservation of another', async () => {
    const sku = await received(stock, 10);
    const wish = await reserved(stock, [sku, 1]);
    await send({ ...checkOf(wish), transactionKey: randomUUID() });
    await logged(wish.orderNo, 'overtaken event acknowledged');
    expect(await statusOf(stock, wish.orderNo)).toMatchObject({ status: 'RESERVED' });
  });

  it('is on its way before the reservation, also when the broker is away', async () => {
    await using alone = await startService('stock', { env: { ORDER_URL: orders.url } });
    const { orderNo } = await reserved(alone, ['MUG-BLUE', 1]);
    const rows = await alone.query(
      `SELECT topic, tag, message_key, TIMESTAMPDIFF(SECOND, created_at, deliver_at) AS delay, sent_at
         FROM outbox_messages`,
    );
    expect(rows).toEqual([
      {
        topic: 'RESERVATION_CHECK',
        tag: 'Stock',
        message_key: orderNo,
        delay: '60',
        sent_at: null,
      },
    ]);
  });
});
