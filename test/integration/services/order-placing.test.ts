import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until, within } from '../../support/deadline.ts';
import { blockKey } from './blocked-key.ts';
import { DatabaseProxy } from './database-proxy.ts';
import { refusal, type PeerAnswer } from './fake-peer.ts';
import { announced, undecidedCount } from './half-messages.ts';
import { untilLockWaits } from './lock-waits.ts';
import { createShopTopics } from './shop-messages.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const PEER_TIMEOUT_MS = 300;
const COUPON = 'K7QW2M9XPB4DRT6H';
const body = { userId: 'user-1', items: [{ sku: 'MUG-BLUE', quantity: 1 }] };
const withCoupon = { ...body, couponCode: COUPON };

const schema = newSchema();
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
    env: {
      STOCK_TIMEOUT_MS: String(PEER_TIMEOUT_MS),
      COUPON_TIMEOUT_MS: String(PEER_TIMEOUT_MS),
      ...env,
    },
  });

const place = (
  content: object = body,
  key: string = randomUUID(),
  service = order,
): Promise<Response> => service.post('/orders', content, { 'Idempotency-Key': key });

interface Reservation {
  orderNo: string;
  transactionKey: string;
  items: unknown;
}

/** The reservations that were asked for since the last reset, in their order. */
const reservations = (service = order): Reservation[] =>
  service.peers.asked('POST /reservations').map(({ body: asked }) => asked as Reservation);

const releaseCount = (what: 'reservations' | 'redemptions', service = order): number =>
  service.peers.asked(`POST /${what}/:orderNo/release`, reservations(service)[0]!.orderNo).length;

/** Neither an order nor a message, and whoever asks is told that there never will be one. */
async function expectNothing({ orderNo, transactionKey }: Reservation): Promise<void> {
  expect(await order.count('orders', `order_no = '${orderNo}'`)).toBe(0);
  expect(await order.count('outbox_messages', `message_key = '${orderNo}'`)).toBe(0);
  expect(await announced(broker, orderNo)).toEqual([]);
  expect(await settle(transactionKey)).toEqual({ isPlaced: false });
}

async function settle(transactionKey: string): Promise<unknown> {
  const answer = await order.post(`/order-transactions/${transactionKey}/settle`, {});
  expect(answer.status).toBe(200);
  return answer.json();
}

describe('an order that is placed', () => {
  it('has its goods reserved, one entry a sku, under the number it gets', async () => {
    const items = [
      { sku: 'MUG-BLUE', quantity: 1 },
      { sku: 'TEA-GREEN-100', quantity: 2 },
      { sku: 'MUG-BLUE', quantity: 3 },
    ];
    const answer = await place({ ...body, items });
    expect(answer.status).toBe(201);
    const { orderNo } = (await answer.json()) as { orderNo: string };
    expect(reservations()).toEqual([
      {
        orderNo,
        transactionKey: expect.any(String),
        items: [
          { sku: 'MUG-BLUE', quantity: 4 },
          { sku: 'TEA-GREEN-100', quantity: 2 },
        ],
      },
    ]);
    expect(order.peers.asked('POST /redemptions')).toEqual([]);
    expect(releaseCount('reservations')).toBe(0);
  });

  it('costs less by its coupon', async () => {
    order.peers.answer('POST /redemptions', {
      status: 200,
      body: { code: COUPON, amountMinor: 250 },
    });
    const answer = await place(withCoupon);
    expect(answer.status).toBe(201);
    const { orderNo, ...rest } = (await answer.json()) as { orderNo: string };
    expect(rest).toMatchObject({ discountMinor: 250, totalMinor: 950, couponCode: COUPON });
    const [{ transactionKey }] = reservations() as [Reservation];
    expect(order.peers.asked('POST /redemptions').map((asked) => asked.body)).toEqual([
      { code: COUPON, orderNo, userId: 'user-1', transactionKey },
    ]);
    expect(
      await order.query(
        'SELECT coupon_code, discount_minor, total_minor FROM orders WHERE order_no = ?',
        [orderNo],
      ),
    ).toEqual([{ coupon_code: COUPON, discount_minor: '250', total_minor: '950' }]);
  });

  it('costs something still when its coupon is worth more', async () => {
    order.peers.answer('POST /redemptions', {
      status: 200,
      body: { code: COUPON, amountMinor: 1_000_000 },
    });
    expect(await (await place(withCoupon)).json()).toMatchObject({
      discountMinor: 1_199,
      totalMinor: 1,
    });
  });

  it('is another request when it is sent again with a coupon', async () => {
    const key = randomUUID();
    await place(body, key);
    const other = await place(withCoupon, key);
    expect(other.status).toBe(409);
    expect(await other.json()).toMatchObject({ code: 'REQUEST.KEY_REUSED' });
    expect(reservations()).toHaveLength(1);
  });

  it('reserves nothing for a sku nobody knows', async () => {
    expect((await place({ ...body, items: [{ sku: 'UFO', quantity: 1 }] })).status).toBe(400);
    expect(reservations()).toEqual([]);
  });
});

describe('an order that stock refuses', () => {
  it('is refused with the same words, leaves nothing, and its key is free', async () => {
    const key = randomUUID();
    const detail = 'of MUG-BLUE 1 is wanted, 0 are there';
    order.peers.answer('POST /reservations', refusal(409, 'STOCK.INSUFFICIENT', detail));
    const refused = await place(withCoupon, key);
    expect(refused.status).toBe(409);
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await refused.json()).toMatchObject({ code: 'STOCK.INSUFFICIENT', detail });
    expect(order.peers.asked('POST /redemptions')).toEqual([]);
    // Nothing was reserved, so nothing is to be released.
    expect(releaseCount('reservations')).toBe(0);
    await expectNothing(reservations()[0]!);
    order.peers.reset();
    expect((await place(body, key)).status).toBe(201);
  });

  it.each<[string, PeerAnswer]>([
    ['does not answer', 'hang'],
    ['hangs up', 'drop'],
    ['fails', refusal(500, 'INTERNAL')],
    ['is not ready', refusal(503, 'DATABASE.UNAVAILABLE')],
    ['answers with half a sentence', { status: 200, body: undefined }],
  ])('because it %s gets 503 in time; what may be reserved is released', async (_how, script) => {
    const key = randomUUID();
    order.peers.answer('POST /reservations', script);
    order.peers.answer('POST /reservations/:orderNo/release', script);
    const refused = await place(body, key);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'STOCK.UNAVAILABLE' });
    await until(() => releaseCount('reservations') === 1, { what: 'the release' });
    await expectNothing(reservations()[0]!);
    order.peers.reset();
    expect((await place(body, key)).status).toBe(201);
  });

  it('does not keep the customer waiting for the release', async () => {
    // Whoever waits for the release here waits for this test, and that for the answer, which then comes after a minute.
    await using patient = await start({ STOCK_TIMEOUT_MS: '60000' });
    let released: (() => void) | undefined;
    patient.peers.answer('POST /reservations', 'drop');
    patient.peers.answer(
      'POST /reservations/:orderNo/release',
      () =>
        new Promise((resolve) => {
          released = () => resolve({ status: 200, body: { status: 'RELEASED' } });
        }),
    );
    const answer = await within(place(body, randomUUID(), patient), 'the answer', 30_000);
    expect(answer.status).toBe(503);
    await until(() => released !== undefined, { what: 'the request for the release' });
    released!();
  });

  it('too late to be heard is not taken for an answer to the next request with that key', async () => {
    const key = randomUUID();
    let late: (() => void) | undefined;
    order.peers.answer(
      'POST /reservations',
      () =>
        new Promise((resolve) => {
          late = () => resolve({ status: 200, body: { status: 'RESERVED' } });
        }),
    );
    expect((await place(body, key)).status).toBe(503);
    const [first] = reservations();
    order.peers.answer('POST /reservations', () => {
      late!();
      return refusal(409, 'STOCK.INSUFFICIENT');
    });
    expect((await place(body, key)).status).toBe(409);
    await expectNothing(first!);
  });
});

describe('an order whose coupon cannot be used', () => {
  it('is refused, and its goods and its coupon are let go', async () => {
    const key = randomUUID();
    order.peers.answer('POST /redemptions', refusal(409, 'COUPON.USED', 'it was used before'));
    const refused = await place(withCoupon, key);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({
      code: 'COUPON.USED',
      detail: 'it was used before',
    });
    expect(releaseCount('reservations')).toBe(1);
    expect(releaseCount('redemptions')).toBe(1);
    await expectNothing(reservations()[0]!);
    expect((await place(body, key)).status).toBe(201);
  });

  it.each<[string, PeerAnswer]>([
    ['does not answer', 'hang'],
    ['says nothing of its worth', { status: 200, body: { code: COUPON } }],
    ['makes it cost more', { status: 200, body: { code: COUPON, amountMinor: -1 } }],
    ['gives half a cent', { status: 200, body: { code: COUPON, amountMinor: 0.5 } }],
  ])('because the coupon service %s gets 503', async (_how, script) => {
    order.peers.answer('POST /redemptions', script);
    const refused = await place(withCoupon);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'COUPON.UNAVAILABLE' });
    expect(releaseCount('reservations')).toBe(1);
    expect(releaseCount('redemptions')).toBe(1);
    await expectNothing(reservations()[0]!);
  });

  it('is refused as well when what was set aside cannot be let go just now', async () => {
    order.peers.answer('POST /redemptions', refusal(404, 'COUPON.NOT_FOUND'));
    order.peers.answer('POST /reservations/:orderNo/release', refusal(500, 'INTERNAL'));
    expect((await place(withCoupon)).status).toBe(404);
    const [{ orderNo }] = reservations() as [Reservation];
    expect(order.logged(orderNo, 'what was set aside stays so until its check')).toBe(1);
    await expectNothing(reservations()[0]!);
  });
});

describe('an order that fails after its goods are reserved', () => {
  it('because its transaction was ended by who could not wait, has them released', async () => {
    // Stock asks whether the order came to be before it does.
    order.peers.answer('POST /reservations', async (asked) => {
      await settle((asked.body as Reservation).transactionKey);
      return { status: 200, body: { status: 'RESERVED' } };
    });
    const refused = await place();
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'TRANSACTION.ENDED' });
    expect(releaseCount('reservations')).toBe(1);
    await expectNothing(reservations()[0]!);
  });

  it('because another request with its key was first, has them released, and answers with the first', async () => {
    const key = randomUUID();
    const free = await blockKey(order, key);
    const both = [place(body, key), place(body, key)];
    await untilLockWaits(order.database, schema, 2);
    await free();
    const answers = await Promise.all(both);
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    const [one, two] = (await Promise.all(answers.map((answer) => answer.json()))) as {
      orderNo: string;
    }[];
    expect(one).toEqual(two);
    const loser = reservations().find(({ orderNo }) => orderNo !== one!.orderNo)!;
    expect(order.peers.asked('POST /reservations/:orderNo/release')).toMatchObject([
      { path: `/reservations/${loser.orderNo}/release` },
    ]);
    await expectNothing(loser);
  });

  it.each<['before' | 'after', boolean]>([
    ['before', false],
    ['after', true],
  ])(
    'with the database gone %s its commit, keeps them: whoever asks is told',
    async (cut, isPlaced) => {
      await using proxy = await DatabaseProxy.start();
      const url = new URL(process.env['DATABASE_URL'] ?? '');
      url.port = String(proxy.port);
      await using behind = await start({ DATABASE_URL: url.href });
      const key = randomUUID();
      behind.peers.answer('POST /reservations', () => {
        proxy.cutAtCommit(cut, 'order_items');
        return { status: 200, body: { status: 'RESERVED' } };
      });
      const unsure = await place(body, key, behind);
      expect(unsure.status).toBe(503);
      expect(await unsure.json()).toMatchObject({ code: 'DATABASE.OUTCOME_UNKNOWN' });
      const [{ orderNo, transactionKey }] = reservations(behind) as [Reservation];
      expect(releaseCount('reservations', behind)).toBe(0);
      expect(await settle(transactionKey)).toEqual({ isPlaced });
      // The broker has not heard, either; it asks any process.
      await until(
        async () => {
          await broker.clock.advance('1m');
          return (await undecidedCount(broker)) === 0;
        },
        { what: 'the end of every half message' },
      );
      expect(await announced(broker, orderNo)).toEqual(isPlaced ? ['Created'] : []);
      const again = await place(body, key);
      expect(again.status).toBe(201);
      expect(again.headers.has('idempotency-replayed')).toBe(isPlaced);
    },
    30_000,
  );
});

describe('whoever has set something aside', () => {
  it('is told that the order was placed, however often and whenever it asks after that', async () => {
    await place();
    const [{ transactionKey }] = reservations() as [Reservation];
    for (let time = 0; time < 3; time++) {
      expect(await settle(transactionKey)).toEqual({ isPlaced: true });
    }
  });

  it('waits, when it asks in the middle, for how that ends', async () => {
    const key = randomUUID();
    const free = await blockKey(order, key);
    const placing = place(body, key);
    await untilLockWaits(order.database, schema, 1);
    const asking = settle(reservations()[0]!.transactionKey);
    await untilLockWaits(order.database, schema, 2);
    await free();
    expect((await placing).status).toBe(201);
    expect(await asking).toEqual({ isPlaced: true });
  });

  it('is told so also of an order that was placed without a broker', async () => {
    await broker.kill();
    expect((await place()).status).toBe(201);
    const [{ transactionKey }] = reservations() as [Reservation];
    expect(await settle(transactionKey)).toEqual({ isPlaced: true });
    await broker.restart();
    await until(async () => (await order.count('outbox_messages', 'sent_at IS NULL')) === 0, {
      what: 'an empty outbox',
    });
  });
});
