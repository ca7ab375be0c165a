import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { MessageTransactions } from '../../../services/common/message-transactions.ts';
import { newDocumentNo } from '../../../services/common/document-number.ts';
import { createdEventIdOf } from '../../../services/contracts/flash-orders.ts';
import { parseFlashCloseCheck } from '../../../services/contracts/order-close-check.ts';
import { parseOrderEvent } from '../../../services/contracts/order-events.ts';
import { until } from '../../support/deadline.ts';
import { DatabaseProxy } from './database-proxy.ts';
import { refusal, type PeerAnswer } from './fake-peer.ts';
import { createShopTopics } from './shop-messages.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const schema = newSchema();
const saleId = newDocumentNo(new Date());
let broker: TestBroker;
let order: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await createShopTopics(broker);
  order = await start();
});

afterEach(() => order.peers.reset());

afterAll(async () => {
  await order[Symbol.asyncDispose]();
  await broker.close();
  await dropSchema(schema);
});

const start = (env: Record<string, string> = {}): Promise<RunningService> =>
  startService('order', {
    namesrvAddr: broker.namesrvAddr,
    schema,
    env: { STOCK_TIMEOUT_MS: '500', ORDER_PAY_TIMEOUT_MS: '1800000', ...env },
  });

interface Wish {
  ticketNo: string;
  saleId: string;
  sku: string;
  userId: string;
  quantity: number;
}

interface Outcome {
  ticketNo: string;
  status: string;
  code?: string;
  reason?: string;
}

const wish = (other: Partial<Wish> = {}): Wish => ({
  ticketNo: newDocumentNo(new Date()),
  saleId,
  sku: 'MUG-BLUE',
  userId: 'user-1',
  quantity: 1,
  ...other,
});

const wishes = (count: number, other: Partial<Wish> = {}): Wish[] =>
  Array.from({ length: count }, () => wish(other));

async function place(orders: Wish[], service = order): Promise<Outcome[]> {
  const answer = await service.post('/flash-orders', { orders });
  expect({ status: answer.status, text: answer.ok ? '' : await answer.clone().text() }).toEqual({
    status: 200,
    text: '',
  });
  return ((await answer.json()) as { items: Outcome[] }).items;
}

const ordered = (batch: Wish[]): Outcome[] =>
  batch.map(({ ticketNo }) => ({ ticketNo, status: 'ORDERED' }));

/** What was announced of each of these, in the order it was stored. */
async function created(batch: Wish[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>(batch.map(({ ticketNo }) => [ticketNo, []]));
  for (const message of await broker.messages('ORDER_EVENTS')) {
    const event = parseOrderEvent(message.text());
    found.get(event.orderNo)?.push(`${event.type} ${event.eventId}`);
  }
  return found;
}

async function closeChecks(batch: Wish[]): Promise<ReturnType<typeof parseFlashCloseCheck>[]> {
  const nos = new Set(batch.map(({ ticketNo }) => ticketNo));
  const wheel = await broker.messages('rmq_sys_wheel_timer');
  const direct = await broker.messages('ORDER_CLOSE_CHECK');
  return [...wheel, ...direct]
    .filter(({ tags, properties }) => (properties.get('TAGS') ?? tags) === 'FlashCloseCheck')
    .map((message) => parseFlashCloseCheck(message.text()))
    .filter(({ orders }) => orders.some(({ orderNo }) => nos.has(orderNo)));
}

describe('a batch of flash orders', () => {
  it('is placed by the rules of any order, under the tickets’ numbers, and announced', async () => {
    const batch = [...wishes(200), ...wishes(56, { sku: 'COFFEE-1000', quantity: 2, userId: 'b' })];
    expect(await place(batch)).toEqual(ordered(batch));
    const answer = await order.get(`/orders/${batch.at(-1)!.ticketNo}`);
    expect(await answer.json()).toMatchObject({
      orderNo: batch.at(-1)!.ticketNo,
      userId: 'b',
      saleId,
      status: 'PENDING',
      discountMinor: 0,
      totalMinor: 5_798,
      currency: 'EUR',
      items: [{ sku: 'COFFEE-1000', quantity: 2, unitPriceMinor: 2_899 }],
    });
    expect(await order.count('orders', `sale_id = '${saleId}' AND status = 'PENDING'`)).toBe(256);
    const [asked, ...more] = order.peers.asked('POST /reservation-batches');
    expect(more).toEqual([]);
    const { reservations } = asked!.body as { reservations: unknown[] };
    expect(reservations[255]).toEqual({
      orderNo: batch[255]!.ticketNo,
      transactionKey: createdEventIdOf(batch[255]!.ticketNo),
      items: [{ sku: 'COFFEE-1000', quantity: 2 }],
    });
    for (const [ticketNo, events] of await created(batch)) {
      expect(events).toEqual([`Created ${createdEventIdOf(ticketNo)}`]);
    }
    const [check, ...others] = await closeChecks(batch);
    expect(others).toEqual([]);
    expect(check!.orders.map(({ orderNo }) => orderNo)).toEqual(
      batch.map(({ ticketNo }) => ticketNo),
    );
  });

  it('puts the events of one order into one queue, where its later ones go', async () => {
    const batch = wishes(20);
    await place(batch);
    const nos = new Set(batch.map(({ ticketNo }) => ticketNo));
    const queues = new Map<string, number>();
    for (const message of await broker.messages('ORDER_EVENTS')) {
      const [orderNo = ''] = message.keys;
      if (!nos.has(orderNo)) continue;
      queues.set(orderNo, message.queueId);
      expect(message.properties.get('__SHARDINGKEY')).toBe(orderNo);
    }
    expect(new Set(queues.values()).size).toBeGreaterThan(1);
  });

  it('goes on without those that are refused: an unknown sku, too little in stock', async () => {
    const unknown = wish({ sku: 'NO-SUCH-SKU' });
    const short = wish();
    const [first, last] = [wish(), wish()];
    order.peers.answer('POST /reservation-batches', ({ body }): PeerAnswer => {
      const { reservations } = body as { reservations: { orderNo: string }[] };
      const items = reservations.map(({ orderNo }) =>
        orderNo === short.ticketNo
          ? { orderNo, status: 'INSUFFICIENT', reason: '1 wanted, 0 available' }
          : { orderNo, status: 'RESERVED' },
      );
      return { status: 200, body: { items } };
    });
    const batch = [first, unknown, short, last];
    expect(await place(batch)).toEqual([
      { ticketNo: first.ticketNo, status: 'ORDERED' },
      {
        ticketNo: unknown.ticketNo,
        status: 'REFUSED',
        code: 'ORDER.UNKNOWN_SKU',
        reason: expect.any(String),
      },
      {
        ticketNo: short.ticketNo,
        status: 'REFUSED',
        code: 'STOCK.INSUFFICIENT',
        reason: '1 wanted, 0 available',
      },
      { ticketNo: last.ticketNo, status: 'ORDERED' },
    ]);
    for (const { ticketNo } of [unknown, short]) {
      expect(await order.count('orders', `order_no = '${ticketNo}'`)).toBe(0);
    }
    expect([...(await created(batch)).values()].map(({ length }) => length)).toEqual([1, 0, 0, 1]);
  });

  it('that comes again has the same orders and eventIds, and is announced again', async () => {
    const batch = wishes(5);
    await place(batch);
    const more = wish();
    expect(await place([...batch, more])).toEqual(ordered([...batch, more]));
    expect(order.peers.asked('POST /reservation-batches')).toHaveLength(2);
    const [, second] = order.peers.asked('POST /reservation-batches');
    expect((second!.body as { reservations: unknown[] }).reservations).toHaveLength(1);
    for (const [ticketNo, events] of await created(batch)) {
      const event = `Created ${createdEventIdOf(ticketNo)}`;
      expect(events).toEqual([event, event]);
    }
    expect(await closeChecks(batch)).toHaveLength(1);
  });

  it('that comes twice at once is placed once', async () => {
    const batch = wishes(50);
    const answers = await Promise.all([
      place(batch),
      place(batch.toReversed()),
      place(batch.slice(25)),
    ]);
    expect(answers[0]).toEqual(ordered(batch));
    expect(answers[1]).toEqual(ordered(batch.toReversed()));
    const list = batch.map(({ ticketNo }) => `'${ticketNo}'`).join();
    expect(await order.count('orders', `order_no IN (${list})`)).toBe(50);
    expect(await order.count('order_items', `order_no IN (${list})`)).toBe(50);
    for (const events of (await created(batch)).values()) expect(new Set(events).size).toBe(1);
  });

  it('is refused a number that another’s order has', async () => {
    const mine = wish();
    await place([mine]);
    const [outcome] = await place([{ ...mine, userId: 'user-2' }]);
    expect(outcome).toMatchObject({ status: 'REFUSED', code: 'ORDER.PLACED_OTHERWISE' });
    expect((await created([mine])).get(mine.ticketNo)).toHaveLength(1);
  });

  it('that was closed meanwhile is ordered still: it was', async () => {
    const mine = wish();
    await place([mine]);
    await order.query(
      `UPDATE orders SET status = 'CANCELLED', closed_at = UTC_TIMESTAMP(3) WHERE order_no = ?`,
      [mine.ticketNo],
    );
    expect(await place([mine])).toEqual(ordered([mine]));
    expect(order.peers.asked('POST /reservation-batches')).toHaveLength(1);
  });
});

describe('a batch that cannot be placed now', () => {
  it.each<[string, PeerAnswer]>([
    ['does not answer', 'hang'],
    ['fails', refusal(500, 'INTERNAL')],
    ['answers about other orders', { status: 200, body: { items: [] } }],
    ['answers about one order only', { status: 200, body: { items: [{ status: 'RESERVED' }] } }],
  ])('is answered 503 when the stock %s, and is placed when it comes again', async (_, answer) => {
    const batch = wishes(3);
    order.peers.answer('POST /reservation-batches', answer);
    const refused = await order.post('/flash-orders', { orders: batch });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'STOCK.UNAVAILABLE' });
    expect([...(await created(batch)).values()].flat()).toEqual([]);
    order.peers.reset();
    expect(await place(batch)).toEqual(ordered(batch));
  });

  it('is placed and answered 503 when the broker is away, and announced when it comes again', async () => {
    const batch = wishes(4);
    await broker.kill();
    const answer = await order.post('/flash-orders', { orders: batch });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'BROKER.UNAVAILABLE' });
    await broker.restart();
    // As the keeper does: the client may take a moment to find the broker again.
    await until(async () => (await order.post('/flash-orders', { orders: batch })).ok, {
      what: 'a broker that takes the messages again',
    });
    expect(await place(batch)).toEqual(ordered(batch));
    for (const [ticketNo, events] of await created(batch)) {
      expect(new Set(events)).toEqual(new Set([`Created ${createdEventIdOf(ticketNo)}`]));
    }
    // The check was spooled, and goes out now.
    await until(async () => (await closeChecks(batch)).length > 0, { what: 'the spooled check' });
  }, 30_000);

  it.each(['before', 'after'] as const)(
    'comes out right when the database is cut off %s the commit and it comes again',
    async (cut) => {
      await using proxy = await DatabaseProxy.start();
      const url = new URL(process.env['DATABASE_URL'] ?? '');
      url.port = String(proxy.port);
      url.hostname = '127.0.0.1';
      await using second = await start({ DATABASE_URL: url.href });
      const batch = wishes(3);
      proxy.cutAtCommit(cut, 'order_items');
      const answer = await second.post('/flash-orders', { orders: batch });
      expect(answer.status).toBe(503);
      const list = batch.map(({ ticketNo }) => `'${ticketNo}'`).join();
      expect(await order.count('orders', `order_no IN (${list})`)).toBe(cut === 'before' ? 0 : 3);
      expect([...(await created(batch)).values()].flat()).toEqual([]);
      expect(await place(batch)).toEqual(ordered(batch));
      for (const [ticketNo, events] of await created(batch)) {
        expect(events).toEqual([`Created ${createdEventIdOf(ticketNo)}`]);
      }
    },
  );

  it('does not commit when its check was answered that it never will', async () => {
    const batch = wishes(2);
    const transactions = order.app.get(MessageTransactions);
    const claim = transactions.claim.bind(transactions);
    // Between check and transaction: as a machine that sleeps for longer than customers have to pay.
    transactions.claim = async (manager, transactionKey) => {
      await transactions.settle(transactionKey);
      return claim(manager, transactionKey);
    };
    try {
      const answer = await order.post('/flash-orders', { orders: batch });
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ code: 'TRANSACTION.ENDED' });
    } finally {
      transactions.claim = claim;
    }
    expect(await order.count('orders', `order_no = '${batch[0]!.ticketNo}'`)).toBe(0);
    expect(await place(batch)).toEqual(ordered(batch));
  });
});

describe('flash orders that nobody pays', () => {
  it('are closed one by one when their time is over; those that are paid are left alone', async () => {
    await using quick = await start({ ORDER_PAY_TIMEOUT_MS: '300' });
    const batch = wishes(4);
    await place(batch, quick);
    const [paid, ...unpaid] = batch;
    await quick.query(`UPDATE orders SET status = 'PAID' WHERE order_no = ?`, [paid!.ticketNo]);
    await until(
      async () =>
        (await quick.count(
          'orders',
          `status = 'CANCELLED' AND order_no IN (${unpaid.map(({ ticketNo }) => `'${ticketNo}'`).join()})`,
        )) === unpaid.length,
      { what: 'the end of the unpaid orders', timeoutMs: 20_000 },
    );
    await until(
      async () =>
        (await created(batch))
          .get(unpaid[0]!.ticketNo)
          ?.some((event) => event.startsWith('Closed')),
      { what: 'the Closed' },
    );
    expect(await quick.count('orders', `status = 'PAID'`)).toBe(1);
  }, 30_000);
});

describe('a batch that cannot be read', () => {
  const good = wish();
  it.each<[unknown, string]>([
    [[], 'orders: has 0 entries, 1 to 256 are allowed'],
    [wishes(257), 'orders: has 257 entries, 1 to 256 are allowed'],
    [[good, good], `orders[1].ticketNo: is "${good.ticketNo}" again, as in orders[0]`],
    [[{ ...good, ticketNo: randomUUID() }], 'orders[0].ticketNo: is "'],
    [[{ ...good, userId: '' }], 'orders[0].userId: is "", it must be 1 to 64 letters'],
    [[{ ...good, sku: 7 }], 'orders[0].sku: is 7, it must be 1 to 32'],
    [[{ ...good, quantity: 1_000 }], 'quantity: is 1000, it must be a whole number from 1 to 999'],
    [[{ ...good, price: 1 }], 'orders[0].price: should not exist'],
    [undefined, 'orders: is missing, it must be a list'],
  ])('is refused whole, naming the field: %#', async (orders, detail) => {
    const answer = await order.post('/flash-orders', { orders });
    expect(answer.status).toBe(400);
    const problem = (await answer.json()) as { code: string; detail: string };
    expect(problem.code).toBe('REQUEST.INVALID');
    expect(problem.detail).toContain(detail);
    expect(await order.count('orders', `order_no = '${good.ticketNo}'`)).toBe(0);
  });
});
