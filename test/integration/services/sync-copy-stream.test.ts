import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { compareCopy, type CopyComparison } from '../../../infra/audit/copy-comparison.ts';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { Admin, Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { ORDER_BINLOG } from '../../../services/contracts/order-binlog.ts';
import { until } from '../../support/deadline.ts';
import { DatabaseProxy } from './database-proxy.ts';
import { OrderSource } from './order-source.ts';
import { copySchemaOf, dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const SEED = 20_261_130;

let source: OrderSource;
let broker: TestBroker;
let proxy: DatabaseProxy;
let schema: string;
let database: Connection;

beforeEach(async () => {
  source = await OrderSource.create();
  broker = await testBroker();
  await broker.createTopic(ORDER_BINLOG, 4);
  proxy = await DatabaseProxy.start();
  schema = newSchema();
  database = await createConnection(process.env['DATABASE_URL'] ?? '');
});

afterEach(async () => {
  await database.end();
  await proxy[Symbol.asyncDispose]();
  await broker.close();
  await source[Symbol.asyncDispose]();
  await dropSchema(schema);
  await dropSchema(copySchemaOf(schema));
});

/** A sync service whose copy is reached by the proxy. */
function start(env: Readonly<Record<string, string>> = {}): Promise<RunningService> {
  return startService('sync', {
    namesrvAddr: broker.namesrvAddr,
    schema,
    env: {
      SYNC_SOURCE_SCHEMA: source.schema,
      COPY_DATABASE_URL: `mysql://root@127.0.0.1:${proxy.port}`,
      SYNC_COPY_SUSPEND_MS: '50',
      SYNC_SNAPSHOT_BACKOFF_MS: '50',
      SYNC_SNAPSHOT_PAGE_ROWS: '50',
      SYNC_MIN_BACKOFF_MS: '20',
      SYNC_MAX_BACKOFF_MS: '200',
      ...env,
    },
  });
}

function compared(graceMs = 20_000): Promise<CopyComparison> {
  return compareCopy(
    { connection: database, schema: source.schema },
    { connection: database, schema: copySchemaOf(schema) },
    { graceMs },
  );
}

async function rows(sql: string): Promise<RowDataPacket[]> {
  const [found] = await database.query<RowDataPacket[]>(sql);
  return found;
}

function snapshotsDone(count: number): Promise<unknown> {
  return until(
    async () => {
      const table = `${copySchemaOf(schema)}._snapshots`;
      return (await rows(`SELECT 1 FROM ${table} WHERE state = 'DONE'`)).length >= count;
    },
    { what: `${count} snapshots`, timeoutMs: 30_000 },
  );
}

/** Changes orders while `work` goes on. */
async function underLoad(seed: number, work: () => Promise<void>): Promise<void> {
  const end = new AbortController();
  const load = source.changeUntil(end.signal, seed);
  try {
    await work();
  } finally {
    end.abort();
    await load;
  }
}

async function changes(count: number): Promise<void> {
  const wanted = source.changeCount + count;
  await until(() => source.changeCount >= wanted, { what: 'more changes', timeoutMs: 60_000 });
}

async function expectNoRetries(): Promise<void> {
  await using admin = new Admin({ namesrvAddr: broker.namesrvAddr });
  const topics = await admin.topicList();
  const used: string[] = [];
  for (const topic of topics.filter((each) => /^%(RETRY|DLQ)%/.test(each))) {
    if ((await broker.messages(topic)).length > 0) used.push(topic);
  }
  expect(used).toEqual([]);
}

describe('a new copy', () => {
  it('has a snapshot of what was there, and every change since, though orders change all the time', async () => {
    await source.placeOrders(new SeededRandom(SEED), 300);
    await underLoad(SEED, async () => {
      await using _sync = await start();
      await snapshotsDone(1);
      await changes(300);
    });
    await using _again = await start();
    const { rows: count, findings } = await compared();
    expect({ seed: SEED, findings }).toEqual({ seed: SEED, findings: [] });
    expect(count).toBeGreaterThan(500);
    await expectNoRetries();
  });

  it('is equal again after a snapshot that was asked for, when rows were lost from it, made up and changed', async () => {
    await source.placeOrders(new SeededRandom(SEED), 120);
    await using sync = await start();
    await snapshotsDone(1);
    expect((await compared()).findings).toEqual([]);
    const copy = copySchemaOf(schema);
    await database.query(`DELETE FROM ${copy}.order_items WHERE order_no = 'O-00000003'`);
    await database.query(
      `INSERT INTO ${copy}.orders (order_no, status, _version, _deleted) VALUES ('O-00000003x', 'PAID', '0', 0)`,
    );
    await database.query(
      `UPDATE ${copy}.orders SET status = 'SHIPPED' WHERE order_no = 'O-00000005'`,
    );
    const { findings } = await compared(0);
    const items = await rows(
      `SELECT line_no FROM ${source.schema}.order_items WHERE order_no = 'O-00000003' ORDER BY line_no`,
    );
    expect(findings).toEqual([
      {
        orderNo: 'O-00000005',
        kind: 'wrong',
        what: `copy of orders O-00000005: status is 'SHIPPED', it should be 'PENDING'`,
      },
      {
        orderNo: 'O-00000003x',
        kind: 'duplicated',
        what: 'orders O-00000003x, in the copy alone',
      },
      ...items.map((item) => ({
        orderNo: 'O-00000003',
        kind: 'lost',
        what: `order_items O-00000003 ${String(item['line_no'])}, which the copy has not got`,
      })),
    ]);
    const answer = await sync.post('/snapshots');
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ snapshotId: 2, state: 'REQUESTED' });
    await snapshotsDone(2);
    expect((await compared()).findings).toEqual([]);
    expect(await (await sync.get('/snapshots')).json()).toMatchObject({
      items: [{ snapshotId: 2, state: 'DONE' }, { snapshotId: 1 }],
    });
  });
});

describe('a copy whose database is away', () => {
  it('suspends the queues, keeps the order, and is equal in the end; nothing was retried another way', async () => {
    await source.placeOrders(new SeededRandom(SEED), 60);
    await using sync = await start();
    await snapshotsDone(1);
    await underLoad(SEED + 1, async () => {
      await changes(100);
      proxy.close();
      await until(() => sync.lines().some(({ code }) => code === 'COPY.UNAVAILABLE'), {
        what: 'a suspended queue',
      });
      const report = await sync.get('/reports/data');
      expect({ status: report.status, body: await report.json() }).toMatchObject({
        status: 503,
        body: { code: 'COPY.UNAVAILABLE' },
      });
      expect((await sync.post('/snapshots')).status).toBe(503);
      await changes(100);
      proxy.reopen();
      await changes(100);
      // Several times in the middle of a transaction.
      for (let cut = 0; cut < 4; cut += 1) {
        proxy.cutAtCommit(cut % 2 === 0 ? 'before' : 'after');
        await changes(30);
      }
    });
    const { findings } = await compared();
    expect({ seed: SEED + 1, findings }).toEqual({ seed: SEED + 1, findings: [] });
    await expectNoRetries();
    const metrics = await (await sync.get('/metrics')).text();
    expect(metrics).toMatch(
      /millrace_messages_consumed_total\{group="sync-copy",outcome="suspended"/,
    );
  });

  it('is made when it comes, though the service started without it', async () => {
    await source.placeOrders(new SeededRandom(SEED), 20);
    proxy.close();
    await using sync = await start();
    await until(() =>
      sync.lines().some(({ msg }) => msg === 'snapshot not taken, to be tried again'),
    );
    proxy.reopen();
    await snapshotsDone(1);
    expect((await compared()).findings).toEqual([]);
  });
});

it('goes on behind a message that nobody can read, and keeps it', async () => {
  await using sync = await start();
  await snapshotsDone(1);
  const producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  try {
    await producer.send({
      topic: ORDER_BINLOG,
      tags: 'orders',
      keys: 'O-1',
      body: Buffer.from('<xml/>'),
    });
  } finally {
    await producer.shutdown();
  }
  await source.placeOrders(new SeededRandom(SEED), 20);
  const parked = `SELECT reason, body, message_key FROM ${copySchemaOf(schema)}._parked_messages`;
  await until(async () => (await rows(parked)).length > 0, { what: 'a parked message' });
  expect(await rows(parked)).toMatchObject([
    { reason: 'MESSAGE.POISON: the body is not JSON', body: '<xml/>', message_key: 'O-1' },
  ]);
  expect((await compared()).findings).toEqual([]);
  await until(async () =>
    (await (await sync.get('/metrics')).text()).includes(
      'millrace_copy_parked_messages{service="sync"} 1',
    ),
  );
});

it('copies only the changes that meet a condition, when there is one', async () => {
  await using _sync = await start({ SYNC_COPY_CONDITION: "saleId = 'SALE-1' OR TAGS <> 'orders'" });
  await snapshotsDone(1);
  await source.placeOrders(new SeededRandom(SEED), 60);
  const wanted = await rows(
    `SELECT order_no FROM ${source.schema}.orders WHERE sale_id = 'SALE-1' ORDER BY order_no`,
  );
  const items = await source.count('order_items');
  await until(
    async () => (await rows(`SELECT 1 FROM ${copySchemaOf(schema)}.order_items`)).length === items,
    { what: 'all items', timeoutMs: 20_000 },
  );
  const copied = await rows(
    `SELECT order_no FROM ${copySchemaOf(schema)}.orders ORDER BY order_no`,
  );
  expect(copied).toEqual(wanted);
  expect(wanted.length).toBeGreaterThan(0);
});

it('follows a source whose tables change, without a stop', async () => {
  await source.placeOrders(new SeededRandom(SEED), 30);
  await using _sync = await start();
  await snapshotsDone(1);
  // A table that is written to all the time cannot be altered: writers come in between.
  const definitions = [
    "ALTER TABLE orders ADD COLUMN channel VARCHAR(8) NOT NULL DEFAULT 'web'",
    'ALTER TABLE orders MODIFY COLUMN channel VARCHAR(40) NULL',
    "UPDATE orders SET channel = 'a channel with a rather long name' WHERE order_no LIKE '%5'",
    'ALTER TABLE orders RENAME COLUMN channel TO origin',
    'ALTER TABLE orders ADD COLUMN priority INT NOT NULL DEFAULT 7, DROP COLUMN coupon_code',
  ];
  for (const [index, statement] of definitions.entries()) {
    await source.pool.query(statement);
    await underLoad(SEED + index, () => changes(30));
  }
  await until(async () => (await compared(500)).findings.length === 0, {
    what: 'a copy that is equal',
    timeoutMs: 30_000,
  });
});

it('is equal again after a snapshot that an operator asks for because the stream has stopped', async () => {
  await source.placeOrders(new SeededRandom(SEED), 30);
  await using sync = await start();
  await snapshotsDone(1);
  // Nothing of it is told row by row.
  await source.pool.query('TRUNCATE TABLE order_items');
  const state = async (): Promise<unknown> => {
    const answer = await sync.get('/streams');
    const { streams } = (await answer.json()) as { streams: { state: string }[] };
    return streams[0]?.state;
  };
  await until(async () => (await state()) === 'STOPPED', { what: 'a stopped stream' });
  await source.placeOrders(new SeededRandom(SEED), 10);
  expect((await compared(0)).findings.length).toBeGreaterThan(0);
  expect((await sync.post('/snapshots')).status).toBe(202);
  await snapshotsDone(2);
  expect((await compared()).findings).toEqual([]);
  await source.placeOrders(new SeededRandom(SEED), 10);
  expect((await compared()).findings).toEqual([]);
  expect(await state()).toBe('FOLLOWING');
});

it.each(['broker-a', 'broker-b'])(
  'is equal again when the next start is on another cluster, whose broker is %s and has nothing',
  async (brokerName) => {
    await source.placeOrders(new SeededRandom(SEED), 30);
    const first = await start();
    try {
      await snapshotsDone(1);
      await source.placeOrders(new SeededRandom(SEED + 1), 10);
      expect((await compared()).findings).toEqual([]);
    } finally {
      await first[Symbol.asyncDispose]();
    }
    await source.placeOrders(new SeededRandom(SEED + 2), 10);
    const other = await testBroker({ brokerName });
    try {
      await other.createTopic(ORDER_BINLOG, 4);
      await using _sync = await start({ NAMESRV_ADDR: other.namesrvAddr });
      await snapshotsDone(2);
      await source.placeOrders(new SeededRandom(SEED + 3), 10);
      expect((await compared()).findings).toEqual([]);
    } finally {
      await other.close();
    }
  },
);

it('refuses to start where the broker has no property filter and a condition needs one', async () => {
  const poor = await testBroker({ enablePropertyFilter: false });
  try {
    await poor.createTopic(ORDER_BINLOG, 4);
    const starting = startService('sync', {
      namesrvAddr: poor.namesrvAddr,
      schema,
      env: { SYNC_SOURCE_SCHEMA: source.schema, SYNC_COPY_CONDITION: "op <> 'DELETE'" },
    });
    await expect(starting).rejects.toThrow('enablePropertyFilter is false');
  } finally {
    await poor.close();
  }
});
