import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { TransactionProducer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { TRANSACTION_KEY_PROPERTY } from '../../../services/common/message-transactions.ts';
import { until } from '../../support/deadline.ts';
import { announced, undecidedCount } from './half-messages.ts';
import { untilLockWaits } from './lock-waits.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const body = { userId: 'user-1', items: [{ sku: 'TEA-GREEN-100', quantity: 2 }] };

const schema = newSchema();
let broker: TestBroker;
let order: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  for (const topic of ['ORDER_EVENTS', 'ORDER_CLOSE_CHECK']) await broker.createTopic(topic);
});

beforeEach(async () => {
  order = await start();
});

afterEach(async () => {
  broker.faults.endAll();
  await order[Symbol.asyncDispose]();
});

afterAll(async () => {
  await broker.close();
  await dropSchema(schema);
});

const start = (): Promise<RunningService> =>
  startService('order', { namesrvAddr: broker.namesrvAddr, schema });

const place = (key: string = randomUUID(), service = order): Promise<Response> =>
  service.post('/orders', body, { 'Idempotency-Key': key });

async function placed(): Promise<string> {
  const answer = await place();
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { orderNo: string }).orderNo;
}

/** What a refused order must not leave behind, whatever the others of this file have left. */
async function rowCounts(): Promise<number[]> {
  const tables = ['orders', 'order_items', 'idempotency_keys', 'message_transactions'];
  return Promise.all(tables.map((table) => order.count(table)));
}

const byName = (a = '', b = ''): number => a.localeCompare(b);

/** Lets so much time pass for half messages that the broker asks after them. */
const ask = (): Promise<unknown> => broker.clock.advance('1m');

describe('an order whose commit is lost on the way', () => {
  it('is announced by another process of the service, which the broker asks', async () => {
    broker.faults.loseEndTransactions();
    const orderNo = await placed();
    await order[Symbol.asyncDispose]();
    broker.faults.endAll();
    order = await start();
    expect(await undecidedCount(broker)).toBe(1);
    await ask();
    expect(await announced(broker, orderNo)).toEqual(['Created']);
  });

  it('is paid all the same, and both are announced once', async () => {
    broker.faults.loseEndTransactions();
    const orderNo = await placed();
    const paying = await order.post(`/orders/${orderNo}/pay`);
    expect(paying.status).toBe(200);
    broker.faults.endAll();
    await ask();
    expect((await announced(broker, orderNo)).toSorted(byName)).toEqual(['Created', 'Paid']);
  });
});

describe('a process that dies', () => {
  it('between half message and local transaction leaves an order that never was', async () => {
    const transactionKey = randomUUID();
    const before = await rowCounts();
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
    expect((await rowCounts()).slice(0, 3)).toEqual(before.slice(0, 3));
  });
});

describe('a check-back while the local transaction runs', () => {
  it('gets the outcome it will have, whichever process is asked', async () => {
    await using other = await start();
    const key = randomUUID();
    const blocker = other.database.createQueryRunner();
    await blocker.startTransaction();
    // The order waits here, in the middle of its transaction, for what becomes of this key.
    await blocker.query(
      `INSERT INTO idempotency_keys VALUES (?, REPEAT('0', 64), 'nobody', UTC_TIMESTAMP(3))`,
      [key],
    );
    const placing = place(key);
    await untilLockWaits(other.database, schema, 1);
    // Twice: brokers ask the members of a group in turn.
    await ask();
    await ask();
    await blocker.rollbackTransaction();
    await blocker.release();
    const answer = await placing;
    expect(answer.status).toBe(201);
    const { orderNo } = (await answer.json()) as { orderNo: string };
    expect(await announced(broker, orderNo)).toEqual(['Created']);
  });
});

describe('without the broker', () => {
  it('an order is refused and leaves nothing; its key is free when the broker is back', async () => {
    const key = randomUUID();
    const before = await rowCounts();
    await broker.stop();
    const refused = await place(key);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await refused.json()).toMatchObject({ code: 'BROKER.UNAVAILABLE', status: 503 });
    expect(await rowCounts()).toEqual(before);
    await broker.restart();
    await until(async () => (await place(key)).status === 201, { what: 'the order' });
    expect(await order.count('idempotency_keys', `idempotency_key = '${key}'`)).toBe(1);
  });

  it('a payment is refused and can be made later', async () => {
    const orderNo = await placed();
    await broker.stop();
    expect((await order.post(`/orders/${orderNo}/pay`)).status).toBe(503);
    expect(await (await order.get(`/orders/${orderNo}`)).json()).toMatchObject({
      status: 'PENDING',
    });
    await broker.restart();
    await until(async () => (await order.post(`/orders/${orderNo}/pay`)).status === 200, {
      what: 'the payment',
    });
    expect((await announced(broker, orderNo)).toSorted(byName)).toEqual(['Created', 'Paid']);
  });

  it('what was done before is answered again all the same', async () => {
    const key = randomUUID();
    const first = await place(key);
    const { orderNo } = (await first.json()) as { orderNo: string };
    await order.post(`/orders/${orderNo}/pay`);
    await broker.stop();
    const again = await place(key);
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await order.post(`/orders/${orderNo}/pay`)).status).toBe(200);
    await broker.restart();
  });

  it('the service is not ready, and is again when the broker is', async () => {
    const ready = async (): Promise<number> => (await order.get('/health/ready')).status;
    expect(await ready()).toBe(200);
    await broker.stop();
    await until(async () => (await ready()) === 503, { what: 'not ready', timeoutMs: 40_000 });
    await broker.restart();
    await until(async () => (await ready()) === 200, { what: 'ready', timeoutMs: 40_000 });
  }, 90_000);
});

describe('an order that the broker does not take as safely as it should', () => {
  it.each([
    ['half message', 'ORDER_EVENTS'],
    ['close message', 'ORDER_CLOSE_CHECK'],
  ])('is refused when its %s cannot be sent, and leaves nothing', async (_what, topic) => {
    const key = randomUUID();
    const before = await rowCounts();
    broker.faults.refuseSends({ topic });
    expect((await place(key)).status).toBe(503);
    broker.faults.endAll();
    broker.faults.flushDiskTimeout({ topic, times: 1 });
    const unsafe = await place(key);
    expect(unsafe.status).toBe(503);
    expect(await unsafe.json()).toMatchObject({
      code: 'BROKER.UNAVAILABLE',
      detail: expect.stringContaining('FLUSH_DISK_TIMEOUT'),
    });
    expect(await rowCounts()).toEqual(before);
    const seen = (await broker.messages('ORDER_EVENTS')).length;
    expect((await place(key)).status).toBe(201);
    await until(async () => (await undecidedCount(broker)) === 0);
    expect(await broker.messages('ORDER_EVENTS')).toHaveLength(seen + 1);
  });
});
