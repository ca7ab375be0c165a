import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer, TransactionProducer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { TRANSACTION_KEY_PROPERTY } from '../../../services/common/message-transactions.ts';
import { until } from '../../support/deadline.ts';
import { blockKey } from './blocked-key.ts';
import { announced, undecidedCount } from './half-messages.ts';
import { untilLockWaits } from './lock-waits.ts';
import { createShopTopics, paymentSucceeded, type PayableOrder } from './shop-messages.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const body = { userId: 'user-1', items: [{ sku: 'TEA-GREEN-100', quantity: 2 }] };

const schema = newSchema();
let broker: TestBroker;
let producer: Producer;
let order: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await createShopTopics(broker);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
});

beforeEach(async () => {
  order = await start();
});

afterEach(async () => {
  broker.faults.endAll();
  await order[Symbol.asyncDispose]();
});

afterAll(async () => {
  await producer.shutdown();
  await broker.close();
  await dropSchema(schema);
});

const start = (): Promise<RunningService> =>
  startService('order', { namesrvAddr: broker.namesrvAddr, schema });

const place = (key: string = randomUUID(), service = order): Promise<Response> =>
  service.post('/orders', body, { 'Idempotency-Key': key });

async function placed(): Promise<PayableOrder> {
  const answer = await place();
  expect(answer.status).toBe(201);
  return (await answer.json()) as PayableOrder;
}

const isPaid = (orderNo: string): Promise<unknown> =>
  until(
    async () => (await order.count('orders', `order_no = '${orderNo}' AND status = 'PAID'`)) === 1,
    {
      what: `${orderNo} paid`,
      timeoutMs: 30_000,
    },
  );

const byName = (a = '', b = ''): number => a.localeCompare(b);

/** Lets so much time pass for half messages that the broker asks after them. */
const ask = (): Promise<unknown> => broker.clock.advance('1m');

describe('an order whose commit is lost on the way', () => {
  it('is announced by another process of the service, which the broker asks', async () => {
    broker.faults.loseEndTransactions();
    const { orderNo } = await placed();
    await order[Symbol.asyncDispose]();
    broker.faults.endAll();
    order = await start();
    expect(await undecidedCount(broker)).toBe(1);
    await ask();
    expect(await announced(broker, orderNo)).toEqual(['Created']);
  });

  it('is paid all the same, and both are announced once', async () => {
    broker.faults.loseEndTransactions();
    const answer = await placed();
    const { orderNo } = answer;
    await paymentSucceeded(producer, answer);
    await isPaid(orderNo);
    broker.faults.endAll();
    await ask();
    expect((await announced(broker, orderNo)).toSorted(byName)).toEqual(['Created', 'Paid']);
  });
});

describe('a process that dies', () => {
  it('between half message and local transaction leaves an order that never was', async () => {
    const transactionKey = randomUUID();
    const before = await order.count('orders');
    // What is left of it: a half message of the service's group, and nobody who knows of it.
    await using dead = new TransactionProducer({
      namesrvAddr: broker.namesrvAddr,
      producerGroup: 'order-transactions',
      checkLocalTransaction: () => 'UNKNOW',
    });
    await dead.sendMessageInTransaction(
      {
        topic: 'ORDER_EVENTS',
        tags: 'Created',
        keys: transactionKey,
        properties: { [TRANSACTION_KEY_PROPERTY]: transactionKey },
        body: '{}',
      },
      () => 'UNKNOW',
    );
    await dead.shutdown();
    await ask();
    expect(await announced(broker, transactionKey)).toEqual([]);
    const [row] = await order.query<{ outcome: string }>(
      'SELECT outcome FROM message_transactions WHERE transaction_key = ?',
      [transactionKey],
    );
    expect(row?.outcome).toBe('ROLLED_BACK');
    expect(await order.count('orders')).toBe(before);
  });
});

describe('a check-back while the local transaction runs', () => {
  it('gets the outcome it will have, whichever process is asked', async () => {
    await using other = await start();
    const key = randomUUID();
    const free = await blockKey(other, key);
    const placing = place(key);
    await untilLockWaits(other.database, schema, 1);
    // Twice: brokers ask the members of a group in turn.
    await ask();
    await ask();
    await free();
    const answer = await placing;
    expect(answer.status).toBe(201);
    const { orderNo } = (await answer.json()) as { orderNo: string };
    expect(await announced(broker, orderNo)).toEqual(['Created']);
  });
});

interface Sent {
  tag: string | undefined;
  eventId: string;
}

/** What consumers get to see of an order, the same event once. */
async function eventsOf(orderNo: string): Promise<Sent[]> {
  const messages = await broker.messages('ORDER_EVENTS');
  const seen = new Map<string, Sent>();
  for (const message of messages.filter(({ keys }) => keys.includes(orderNo))) {
    const { eventId } = JSON.parse(message.text()) as { eventId: string };
    if (!seen.has(eventId)) seen.set(eventId, { tag: message.tags, eventId });
  }
  return [...seen.values()];
}

async function metric(name: string): Promise<number> {
  const text = await (await order.get('/metrics')).text();
  const [, value] = new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm').exec(text) ?? [];
  return Number(value);
}

const unsent = (): Promise<number> => metric('millrace_outbox_unsent');
const spooledCount = (): Promise<number> => metric('millrace_messages_spooled_total');

const isSent = (): Promise<unknown> =>
  until(async () => (await unsent()) === 0, { what: 'an empty outbox', timeoutMs: 30_000 });

describe('without the broker', () => {
  it('an order is placed all the same; all that it says is sent when the broker is back, in order', async () => {
    const before = await spooledCount();
    await broker.kill();
    const key = randomUUID();
    const answer = await place(key);
    expect(answer.status).toBe(201);
    const order1 = (await answer.json()) as PayableOrder;
    const others = await Promise.all(Array.from({ length: 5 }, () => placed()));
    const again = await place(key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toEqual(order1);
    // Of each its close check and its Created.
    expect(await unsent()).toBe(12);
    expect(await spooledCount()).toBe(before + 12);
    expect((await order.get('/health/ready')).status).toBe(200);

    await broker.restart();
    for (const each of [order1, ...others]) await paymentSucceeded(producer, each);
    for (const { orderNo } of [order1, ...others]) await isPaid(orderNo);
    await isSent();
    for (const { orderNo } of [order1, ...others]) {
      await until(async () => (await eventsOf(orderNo)).length === 2, { what: 'both events' });
      expect((await eventsOf(orderNo)).map(({ tag }) => tag)).toEqual(['Created', 'Paid']);
    }
    const checks = await broker.messages('rmq_sys_wheel_timer');
    const orderNos = [order1, ...others].map(({ orderNo }) => orderNo);
    const checked = checks.flatMap(({ keys }) => keys).filter((found) => orderNos.includes(found));
    expect(new Set(checked)).toEqual(new Set(orderNos));
  }, 60_000);

  it('a new event of an order waits behind what waits of it, and nobody else does', async () => {
    await broker.kill();
    const waiting = await placed();
    // The outbox cannot send, and the broker is back for everybody else.
    const held = order.database.createQueryRunner();
    await held.startTransaction();
    await until(
      async () =>
        (
          (await held.query(
            `SELECT name FROM outbox_lease WHERE name = 'relay' FOR UPDATE SKIP LOCKED`,
          )) as unknown[]
        ).length === 1,
      { what: 'the lease' },
    );
    await broker.restart();
    await paymentSucceeded(producer, waiting);
    await isPaid(waiting.orderNo);
    const { orderNo } = await until(
      async () => {
        const answer = await placed();
        return (await eventsOf(answer.orderNo)).length === 1 ? answer : undefined;
      },
      { what: 'an order that goes straight to the broker', pollMs: 100, timeoutMs: 30_000 },
    );
    expect(await eventsOf(orderNo)).toMatchObject([{ tag: 'Created' }]);
    expect(await eventsOf(waiting.orderNo)).toEqual([]);
    await held.rollbackTransaction();
    await held.release();
    await isSent();
    expect((await eventsOf(waiting.orderNo)).map(({ tag }) => tag)).toEqual(['Created', 'Paid']);
  }, 60_000);

  it('an order is looked after: it is closed on time when the broker is back', async () => {
    await broker.kill();
    const { orderNo } = await placed();
    await broker.restart();
    await isSent();
    await broker.clock.advance('29m');
    expect(await order.count('orders', `order_no = '${orderNo}' AND status = 'PENDING'`)).toBe(1);
    order.moveClock(30 * 60_000);
    await broker.clock.advance('1m');
    await until(
      async () =>
        (await order.count('orders', `order_no = '${orderNo}' AND status = 'CANCELLED'`)) === 1,
      { what: 'closed' },
    );
    await until(async () => (await eventsOf(orderNo)).length === 2, { what: 'both events' });
    expect((await eventsOf(orderNo)).map(({ tag }) => tag)).toEqual(['Created', 'Closed']);
  }, 60_000);

  it('a service starts, is ready, and takes orders; what they say waits for a later start', async () => {
    await broker.kill();
    await order[Symbol.asyncDispose]();
    order = await start();
    expect((await order.get('/health/ready')).status).toBe(200);
    const { orderNo } = await placed();
    await order[Symbol.asyncDispose]();
    await broker.restart();
    order = await start();
    await isSent();
    expect((await eventsOf(orderNo)).map(({ tag }) => tag)).toEqual(['Created']);
  }, 60_000);
});

describe('a broker that does not take a message as safely as it should', () => {
  it.each([
    ['half message', 'ORDER_EVENTS'],
    ['close message', 'ORDER_CLOSE_CHECK'],
  ])(
    'is sent the %s again by the outbox, and no order waits for that',
    async (_what, topic) => {
      const refusing = broker.faults.refuseSends({ topic });
      const refused = await placed();
      expect(
        await order.count('outbox_messages', `message_key = '${refused.orderNo}'`),
      ).toBeGreaterThan(0);
      refusing.end();
      await isSent();
      // Nobody knocks for a second after a refusal.
      const unsafe = await until(
        async () => {
          const fault = broker.faults.flushDiskTimeout({ topic, times: 1 });
          const answer = await placed();
          fault.end();
          return fault.count > 0 ? answer : undefined;
        },
        { what: 'a flush that takes too long', pollMs: 200 },
      );
      await isSent();
      for (const { orderNo } of [refused, unsafe]) {
        await until(async () => (await eventsOf(orderNo)).length > 0, {
          what: `Created of ${orderNo}`,
        });
        await ask();
        expect((await eventsOf(orderNo)).map(({ tag }) => tag)).toEqual(['Created']);
      }
      expect(await undecidedCount(broker)).toBe(0);
    },
    60_000,
  );
});
