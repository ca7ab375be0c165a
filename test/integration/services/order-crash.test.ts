import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { TestProcess } from '../../support/process.ts';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { FakePeer } from './fake-peer.ts';
import { createShopTopics, paymentSucceeded } from './shop-messages.ts';
import { undecidedCount } from './half-messages.ts';
import { dropSchema, newSchema, redisUrl } from './shop.ts';

const main = resolve(import.meta.dirname, '../../../services/dist/order/main.js');
const BUYER_COUNT = 8;
const KILL_COUNT = 3;
const body = JSON.stringify({ userId: 'user-1', items: [{ sku: 'MUG-BLUE', quantity: 1 }] });

let schema: string;
let broker: TestBroker;
let producer: Producer;
let peers: FakePeer;
let database: Connection;

beforeEach(async () => {
  schema = newSchema();
  // Whoever died is asked after soon.
  broker = await testBroker({ transactionCheckInterval: 300, transactionTimeOut: 300 });
  await createShopTopics(broker);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  peers = await FakePeer.start();
  database = await createConnection({ uri: process.env['DATABASE_URL'] ?? '' });
});

afterEach(async () => {
  await database.end();
  await producer.shutdown();
  await peers[Symbol.asyncDispose]();
  await broker.close();
  await dropSchema(schema);
});

async function rows(sql: string): Promise<RowDataPacket[]> {
  const [found] = await database.query<RowDataPacket[]>(sql);
  return found;
}

/** Asks until there is an answer that is not the fault of a crash; returns it. */
function insist(url: () => string, headers: Record<string, string>, sent?: string) {
  return until(
    async () => {
      const answer = await fetch(url(), {
        method: 'POST',
        headers: { ...headers, ...(sent !== undefined && { 'content-type': 'application/json' }) },
        ...(sent !== undefined && { body: sent }),
      });
      return answer.status < 500 ? answer : undefined;
    },
    { what: `an answer to ${url()}`, timeoutMs: 60_000, pollMs: 20 },
  );
}

it('brings every order to one end, announced once, though its process and the broker are killed again and again', async () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  let url = '';
  await using order = await TestProcess.start({
    args: [main],
    env: {
      NODE_OPTIONS: undefined,
      DATABASE_URL: process.env['DATABASE_URL'],
      DATABASE_SCHEMA: schema,
      REDIS_URL: redisUrl(),
      NAMESRV_ADDR: broker.namesrvAddr,
      ...peers.env,
      PORT: '0',
      ORDER_PAY_TIMEOUT_MS: '1500',
    },
    ready: /"msg":"listening"/,
    readyTimeoutMs: 60_000,
  });
  const findUrl = async (): Promise<void> => {
    const ports = [...(await order.stdout()).matchAll(/"port":(\d+).*?"msg":"listening"/g)];
    url = `http://127.0.0.1:${ports.at(-1)![1]}`;
  };
  await findUrl();

  const orderNoOf = new Map<string, Set<string>>();
  const end = new AbortController();
  const buy = async (isPaying: boolean): Promise<void> => {
    while (!end.signal.aborted) {
      const key = randomUUID();
      const answer = await insist(() => `${url}/orders`, { 'idempotency-key': key }, body);
      const placed = (await answer.json()) as { orderNo: string; totalMinor: number };
      const { orderNo } = placed;
      orderNoOf.set(key, (orderNoOf.get(key) ?? new Set()).add(orderNo));
      if (isPaying) await paymentSucceeded(producer, placed);
    }
  };
  const buyers = Array.from({ length: BUYER_COUNT }, (_, index) => buy(index % 4 !== 0));
  for (let kill = 0; kill < KILL_COUNT; kill++) {
    const killAt = orderNoOf.size + 10 + random.below(40);
    await until(() => orderNoOf.size >= killAt, { what: 'more orders', timeoutMs: 30_000 });
    // Once with the broker gone, too: some orders are in the outbox only when their process dies.
    const isBrokerAway = kill === 1;
    if (isBrokerAway) {
      await broker.kill();
      const placedAt = orderNoOf.size + 3;
      await until(() => orderNoOf.size >= placedAt, {
        what: 'orders without a broker',
        timeoutMs: 30_000,
      });
    }
    await order.kill();
    await order.restart();
    await findUrl();
    if (isBrokerAway) await broker.restart();
  }
  end.abort();
  await Promise.all(buyers);

  await until(
    async () =>
      (await rows(`SELECT 1 FROM ${schema}.orders WHERE status = 'PENDING'`)).length === 0 &&
      (await rows(`SELECT 1 FROM ${schema}.outbox_messages WHERE sent_at IS NULL`)).length === 0 &&
      (await undecidedCount(broker)) === 0,
    { what: 'the end of every order and half message', timeoutMs: 60_000 },
  );
  const orders = await rows(`SELECT order_no, status FROM ${schema}.orders`);
  // A crash may have sent an event's message twice; consumers know it by its eventId.
  const eventIdsOf = new Map<string, Set<string>>();
  for (const message of await broker.messages('ORDER_EVENTS')) {
    const { eventId } = JSON.parse(message.text()) as { eventId: string };
    const key = `${message.keys[0]} ${message.tags}`;
    eventIdsOf.set(key, (eventIdsOf.get(key) ?? new Set()).add(eventId));
  }
  const announced = [...eventIdsOf].map(([key, { size }]) => `${key} × ${size}`);
  const refunds = await rows(`SELECT order_no FROM ${schema}.order_refunds`);
  const lateNos = new Set(refunds.map(({ order_no }) => order_no as string));
  const expected = orders.flatMap(({ order_no, status }) => [
    `${order_no} Created × 1`,
    `${order_no} ${status === 'PAID' ? 'Paid' : 'Closed'} × 1`,
    // Its money came when it was closed.
    ...(lateNos.has(order_no as string) ? [`${order_no} PaidTooLate × 1`] : []),
  ]);
  const inOrder = (texts: string[]): string[] => texts.toSorted((a, b) => a.localeCompare(b));
  expect({ seed, announced: inOrder(announced) }).toEqual({ seed, announced: inOrder(expected) });
  const placed = new Set([...orderNoOf.values()].flatMap((orderNos) => [...orderNos]));
  expect({ seed, orders: orders.length }).toEqual({ seed, orders: placed.size });
  expect([...orderNoOf.values()].every(({ size }) => size === 1)).toBe(true);
}, 180_000);
