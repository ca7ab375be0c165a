import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { Switchboard } from '../../../infra/demo/switchboard.ts';
import { peerNames } from '../../../services/storefront/config.ts';
import { paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { NO_BROKER, startService, type RunningService } from './shop.ts';
import { RunningStorefront } from './storefront-world.ts';

const TIMEOUT_MS = 60_000;
const basket = { userId: 'user-1', items: [{ sku: 'TEA-GREEN-100', quantity: 2 }] };

let broker: TestBroker;
let order: RunningService;
let push: RunningService;
let coupon: RunningService;
let thirdParty: RunningService;
let storefront: RunningStorefront;

beforeAll(async () => {
  broker = await testBroker();
  await broker.createTopic('ORDER_EVENTS');
  const { namesrvAddr } = broker;
  [order, push, coupon, thirdParty] = await Promise.all([
    startService('order', { namesrvAddr }),
    startService('push', { namesrvAddr }),
    startService('coupon', { namesrvAddr, env: { MAX_RECONSUME_TIMES: '0' } }),
    startService('third-party', { env: { CHANNEL_SECRET: 'only the tests know it' } }),
  ]);
  const urls = {
    order: order.url,
    push: push.url,
    coupon: coupon.url,
    'third-party': thirdParty.url,
  };
  // The first order of a service on a busy machine may take longer than a customer would wait.
  storefront = await RunningStorefront.start(namesrvAddr, urls, { ORDER_TIMEOUT_MS: '60000' });
}, 120_000);

afterAll(async () => {
  await storefront[Symbol.asyncDispose]();
  for (const service of [order, push, coupon, thirdParty]) await service[Symbol.asyncDispose]();
  await broker.close();
}, 120_000);

async function place(shop = storefront): Promise<string> {
  const answer = await shop.send('POST', '/api/orders', basket, randomUUID());
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { orderNo: string }).orderNo;
}

describe('what a customer asks for', () => {
  it('is answered by the service itself, refusals too, word for word', async () => {
    const key = randomUUID();
    const first = await storefront.send('POST', '/api/orders', basket, key);
    const again = await storefront.send('POST', '/api/orders', basket, key);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toEqual(await first.json());
    const wrong = { ...basket, items: [{ sku: 'no sku', quantity: 0 }] };
    const refused = await storefront.send('POST', '/api/orders', wrong, randomUUID());
    const direct = await order.post('/orders', wrong, { 'idempotency-key': randomUUID() });
    expect(refused.status).toBe(400);
    expect(refused.headers.get('content-type')).toBe(direct.headers.get('content-type'));
    expect(await refused.json()).toEqual(await direct.json());
    const keyless = await storefront.send('POST', '/api/orders', basket);
    expect(await keyless.json()).toMatchObject({ code: 'REQUEST.INVALID', status: 400 });
  });

  it('is 503 and names the service when that is away, whichever it is', async () => {
    await using alone = await RunningStorefront.start(NO_BROKER, {});
    const asked: [string, string, unknown, string][] = [
      ['POST', '/api/orders', basket, 'order'],
      ['POST', '/api/orders/20261130-091GA3JXTG21/payments', undefined, 'payment'],
      ['POST', '/api/orders/20261130-091GA3JXTG21/refunds', {}, 'order'],
      ['POST', '/api/orders/20261130-091GA3JXTG21/returns', {}, 'warehouse'],
      ['POST', '/api/sales', { stock: 1, customersPerS: 1, seconds: 1 }, 'flashsale'],
      ['GET', '/api/catalogue', undefined, 'order'],
    ];
    for (const [method, path, body, service] of asked) {
      const answer = await alone.send(method, path, body, method === 'POST' ? 'a-key' : undefined);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(await answer.json()).toMatchObject({
        status: 503,
        code: `${service.toUpperCase()}.UNAVAILABLE`,
        detail: expect.stringContaining(service),
      });
    }
    expect((await alone.get('/health/ready')).status).toBe(200);
  });

  it('comes from a catalogue, also while nobody knows how much there is', async () => {
    const answer = await storefront.get('/api/catalogue');
    const { currency, products } = (await answer.json()) as {
      currency: string;
      products: object[];
    };
    expect(currency).toBe('EUR');
    expect(products).toContainEqual({
      sku: 'TEA-GREEN-100',
      name: 'Green tea, 100 g',
      unitPriceMinor: 690,
    });
  });
});

describe('the page', () => {
  it('is served with its files and may load nothing else', async () => {
    const page = await storefront.get('/');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const names = Array.from(
      (await page.text()).matchAll(/"files\/([\w.-]+)"/g),
      ([, name]) => name,
    );
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect((await storefront.get(`/files/${name}`)).status).toBe(200);
    expect((await storefront.get('/files/..%2F..%2Fpackage.json')).status).toBe(404);
  });
});

describe('an order that is watched', () => {
  it(
    'is told with its messages, and again to a page that comes after its stream was cut',
    async () => {
      using page = await storefront.openPage();
      const orderNo = await place();
      expect((await page.watch([orderNo])).status).toBe(204);
      const isTold = (entries: readonly { what: string; messageId?: string }[]): boolean =>
        ['The order is placed', 'The customer is told'].every((beginning) =>
          entries.some(
            ({ what, messageId }) => what.startsWith(beginning) && messageId !== undefined,
          ),
        );
      const told = await page.until('order', ({ entries }) => isTold(entries));
      expect(told).toMatchObject({ orderNo, status: 'PENDING' });
      expect(told.entries[0]).toMatchObject({
        service: 'order',
        what: 'The order is placed: 13.80 EUR',
        topic: 'ORDER_EVENTS',
        tag: 'Created',
      });
      // Looking at it again and again must not bury in the log what happens to it.
      const answered = order
        .lines()
        .filter((line) => line['orderNo'] === orderNo && line['msg'] === 'request answered')
        .map(({ level, method }) => [level, method]);
      expect(answered.filter(([level]) => level === 'info')).toEqual([['info', 'POST']]);
      page[Symbol.dispose]();
      await page.ended;
      await until(async () => (await page.watch([orderNo])).status === 404, {
        timeoutMs: TIMEOUT_MS,
        what: 'the end of a stream whose page has left',
      });
      using next = await storefront.openPage();
      await next.watch([orderNo]);
      expect(await next.until('order', ({ entries }) => isTold(entries))).toMatchObject(told);
    },
    TIMEOUT_MS * 2,
  );

  it('is refused when it is no order number, or there are more than 20', async () => {
    using page = await storefront.openPage();
    expect((await page.watch(['../refunds'])).status).toBe(400);
    const many = Array.from({ length: 21 }, () => '20261130-091GA3JXTG21');
    expect((await page.watch(many)).status).toBe(400);
  });

  it(
    'is told by what the services say while the broker is away, and the page is told that it is',
    async () => {
      await using shop = await RunningStorefront.start(NO_BROKER, { order: order.url });
      using page = await shop.openPage();
      const orderNo = await place(shop);
      await page.watch([orderNo], true);
      const told = await page.until('order', ({ status }) => status === 'PENDING');
      expect(told.entries).toMatchObject([{ service: 'order' }]);
      const figures = await page.until('figures', ({ broker: state }) => state === 'down');
      expect(figures.backlog).toBeNull();
      await page.until('problem', ({ part, message }) => part === 'order' && message !== '');
      await page.until('problem', ({ part, message }) => part === 'queues' && message !== '');
      const letters = await shop.get('/api/dead-letters/coupon-on-order-paid');
      expect(await letters.json()).toMatchObject({ status: 503, code: 'BROKER.UNAVAILABLE' });
    },
    TIMEOUT_MS * 2,
  );
});

describe('the figures', () => {
  it(
    'say who is up, and count orders and events',
    async () => {
      using page = await storefront.openPage();
      const { services } = await page.until(
        'figures',
        (figures) => Object.keys(figures.services).length === peerNames.length,
      );
      expect(services).toMatchObject({ order: 'up', push: 'up', stock: 'down', sync: 'down' });
      // What comes while a service does not answer in time is in no rate: so more comes.
      const { checkoutP50Ms, checkoutP99Ms } = await until(
        async () => {
          await place();
          const told = page.all('figures');
          const isConsumed = told.some(({ eventsPerS }) => eventsPerS > 0);
          return isConsumed ? told.find(({ ordersPerS }) => ordersPerS > 0) : undefined;
        },
        { timeoutMs: TIMEOUT_MS, pollMs: 500, what: 'rates of orders and events' },
      );
      expect(checkoutP50Ms).toBeGreaterThan(0);
      expect(checkoutP99Ms).toBeGreaterThanOrEqual(checkoutP50Ms!);
    },
    TIMEOUT_MS * 3,
  );
});

describe('the queue side', () => {
  it(
    'shows topics, groups and dead letters to the pages that show it, and gives letters back',
    async () => {
      using page = await storefront.openPage();
      using other = await storefront.openPage();
      await page.watch([], true);
      const before = await page.until('queues', ({ groups }) =>
        groups.some(({ group, members }) => group === 'coupon-on-order-paid' && members === 1),
      );
      expect(before.findings).toEqual(expect.any(Array));
      expect(before.topics.find(({ topic }) => topic === 'ORDER_EVENTS')).toMatchObject({
        queues: expect.any(Number),
        messages: expect.any(Number),
      });

      const orderNo = `order-${randomUUID()}`;
      const couponCount = (): Promise<number> => coupon.count('coupons', `order_no = '${orderNo}'`);
      await coupon.query('RENAME TABLE coupons TO coupons_away');
      try {
        const { namesrvAddr } = broker;
        await using producer = new Producer({ namesrvAddr, producerGroup: 'test' });
        const body = JSON.stringify({ ...paidEvent, orderNo, eventId: randomUUID() });
        await producer.send({ topic: 'ORDER_EVENTS', tags: 'Paid', keys: orderNo, body });
        await page.until('queues', ({ deadLetters }) =>
          deadLetters.some(({ group, waiting }) => group === 'coupon-on-order-paid' && waiting > 0),
        );
      } finally {
        await coupon.query('RENAME TABLE coupons_away TO coupons');
      }
      const path = '/api/dead-letters/coupon-on-order-paid';
      const { items, total } = (await (await storefront.get(path)).json()) as {
        items: { offsetMsgId: string; keys: string[]; reason: string; body: string }[];
        total: number;
      };
      const letter = items.find(({ keys }) => keys[0] === orderNo)!;
      expect(letter.body).toContain(orderNo);
      expect(letter.reason).toBe('QueryFailedError ER_NO_SUCH_TABLE');
      expect(total).toBe(items.length);
      expect(await (await storefront.get(`${path}?skip=${total}`)).json()).toEqual({
        items: [],
        total,
      });
      expect((await storefront.get(`${path}?skip=many`)).status).toBe(400);
      const redriven = await storefront.send('POST', `${path}/redrive`, {
        offsetMsgIds: [letter.offsetMsgId],
      });
      expect(await redriven.json()).toEqual({ redriven: 1, failed: 0 });
      await until(async () => (await couponCount()) === 1, {
        timeoutMs: TIMEOUT_MS,
        what: 'the coupon of a letter that was given back',
      });
      expect((await storefront.send('POST', `${path}/redrive`)).status).toBe(400);
      const noId = await storefront.send('POST', `${path}/redrive`, { offsetMsgIds: ['nobody'] });
      expect(noId.status).toBe(400);
      const none = await storefront.send('POST', `${path}/redrive`, {
        offsetMsgIds: [letter.offsetMsgId.slice(0, -4) + 'FFFF'],
      });
      expect(await none.json()).toMatchObject({ redriven: 0, failed: 1 });
      expect((await storefront.get('/api/dead-letters/sync-copy')).status).toBe(404);
      expect(other.all('queues')).toEqual([]);
    },
    TIMEOUT_MS * 3,
  );
});

describe('the switches', () => {
  it(
    'make the third party worse, and stop what the demo lets them stop',
    async () => {
      const done: string[] = [];
      const note = (what: string) => async (): Promise<void> => void done.push(what);
      const stage = await Switchboard.open({
        couponGate: { close: note('coupon stopped'), reopen: note('coupon started') },
        killBroker: async () => {
          done.push('broker killed');
          return note('broker started');
        },
      });
      try {
        const urls = { 'third-party': thirdParty.url };
        await using shop = await RunningStorefront.start(NO_BROKER, urls, { STAGE_URL: stage.url });
        using page = await shop.openPage();
        const playing = await page.until('switches', () => true);
        expect(playing).toMatchObject({ thirdParty: null, couponDatabase: null, broker: null });
        const early = await shop.send('PUT', '/api/switches', { broker: 'stopped' });
        expect(early.status).toBe(409);
        expect(await early.json()).toMatchObject({ detail: playing.reasons.broker });
        stage.handOver();
        await page.until('switches', ({ broker: state }) => state === 'running');
        const thirdPartyWish = { latencyMs: 5, errorRate: 0.5 };
        const turn = (wish: object): Promise<Response> => shop.send('PUT', '/api/switches', wish);
        await turn({ thirdParty: thirdPartyWish });
        await turn({ couponDatabase: 'stopped' });
        const turned = await turn({ broker: 'stopped' });
        expect(await turned.json()).toEqual({
          thirdParty: thirdPartyWish,
          couponDatabase: 'stopped',
          broker: 'stopped',
          reasons: {},
        });
        await page.until('switches', ({ couponDatabase }) => couponDatabase === 'stopped');
        const behaviour = await (await thirdParty.get('/behaviour')).json();
        expect(behaviour).toMatchObject({ channel: thirdPartyWish, carrier: thirdPartyWish });
        await turn({ couponDatabase: 'running' });
        await turn({ broker: 'running' });
        expect(done).toEqual([
          'coupon stopped',
          'broker killed',
          'coupon started',
          'broker started',
        ]);
        expect((await turn({ thirdParty: { errorRate: 2 } })).status).toBe(400);
      } finally {
        stage.close();
      }
    },
    TIMEOUT_MS * 2,
  );

  it('say why they cannot be turned where there is no demo', async () => {
    const answer = await storefront.send('PUT', '/api/switches', { couponDatabase: 'stopped' });
    expect(await answer.json()).toMatchObject({ status: 409, code: 'SWITCH.NOT_HERE' });
  });
});
