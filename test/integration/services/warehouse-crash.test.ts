import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { WAREHOUSE_EVENTS } from '../../../services/contracts/warehouse-events.ts';
import { paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { TestProcess } from '../../support/process.ts';
import { FakePeer } from './fake-peer.ts';
import { undecidedCount } from './half-messages.ts';
import { createShopTopics } from './shop-messages.ts';
import { dropSchema, newSchema, redisUrl } from './shop.ts';
import { FakeCarrier } from './warehouse-world.ts';

const main = resolve(import.meta.dirname, '../../../services/dist/warehouse/main.js');

let schema: string;
let broker: TestBroker;
let producer: Producer;
let carrier: FakeCarrier;

beforeEach(async () => {
  schema = newSchema();
  // Whoever died is asked after soon.
  broker = await testBroker({
    transactionCheckInterval: 300,
    transactionTimeOut: 300,
    timeoutMs: 30_000,
  });
  await createShopTopics(broker);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  carrier = new FakeCarrier(await FakePeer.start());
});

afterEach(async () => {
  await carrier.peer[Symbol.asyncDispose]();
  await producer.shutdown();
  await broker.close();
  await dropSchema(schema);
});

const start = (): Promise<TestProcess> =>
  TestProcess.start({
    args: [main],
    env: {
      NODE_OPTIONS: undefined,
      DATABASE_URL: process.env['DATABASE_URL'],
      DATABASE_SCHEMA: schema,
      REDIS_URL: redisUrl(),
      NAMESRV_ADDR: broker.namesrvAddr,
      THIRD_PARTY_URL: carrier.peer.url,
      THIRD_PARTY_TIMEOUT_MS: '60000',
      PACKING_MS: '0',
      PORT: '0',
    },
    ready: /"msg":"listening"/,
    readyTimeoutMs: 60_000,
  });

it.each(['hangs', 'losesAnswers'] as const)(
  'ships a parcel once, whose warehouse is killed while the carrier %s',
  async (conduct) => {
    await using warehouse = await start();
    carrier.conduct = conduct;
    const orderNo = `order-${randomUUID()}`;
    const body = JSON.stringify({ ...paidEvent, orderNo, eventId: randomUUID() });
    await producer.send({ topic: 'ORDER_EVENTS', tags: 'Paid', keys: orderNo, body });
    await until(() => carrier.askedFor(orderNo).length === 1, {
      what: 'the carrier being asked',
      timeoutMs: 60_000,
    });
    await warehouse.kill();
    carrier.conduct = 'answers';
    await warehouse.restart();
    const announced = async () =>
      (await broker.messages(WAREHOUSE_EVENTS)).filter(({ tags }) => tags === 'Shipped');
    await until(
      async () => (await announced()).length > 0 && (await undecidedCount(broker)) === 0,
      {
        what: 'the announcement',
        timeoutMs: 90_000,
        pollMs: 50,
      },
    );
    const [first, ...others] = carrier.askedFor(orderNo);
    expect(others.length).toBeGreaterThan(0);
    expect(others.every((each) => JSON.stringify(each) === JSON.stringify(first))).toBe(true);
    expect(carrier.taken.size).toBe(1);
    expect((await announced()).map(({ keys }) => keys)).toEqual([[orderNo]]);
  },
  180_000,
);
