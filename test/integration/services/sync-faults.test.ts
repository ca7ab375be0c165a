import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { compareCopy } from '../../../infra/audit/copy-comparison.ts';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { Admin } from '../../../mq/index.ts';
import {
  comparePositions,
  ORDER_BINLOG,
  type BinlogPosition,
} from '../../../services/contracts/order-binlog.ts';
import { freePort } from '../../../infra/free-port.ts';
import { until } from '../../support/deadline.ts';
import { TestProcess } from '../../support/process.ts';
import { DatabaseProxy } from './database-proxy.ts';
import { OrderSource } from './order-source.ts';
import { copySchemaOf, dropSchema, newSchema, redisUrl } from './shop.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');
const millrace = join(root, 'mq', 'dist', 'cli', 'main.js');
const sync = join(root, 'services', 'dist', 'sync', 'main.js');
const ROUND_COUNT = 2;

let directory: string;
let source: OrderSource;
let toSource: DatabaseProxy;
let toCopy: DatabaseProxy;
let schema: string;
let database: Connection;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-sync-'));
  source = await OrderSource.create();
  toSource = await DatabaseProxy.start();
  toCopy = await DatabaseProxy.start();
  schema = newSchema();
  database = await createConnection(process.env['DATABASE_URL'] ?? '');
});

afterEach(async () => {
  await database.end();
  await toCopy[Symbol.asyncDispose]();
  await toSource[Symbol.asyncDispose]();
  await source[Symbol.asyncDispose]();
  await dropSchema(schema);
  await dropSchema(copySchemaOf(schema));
  await rm(directory, { recursive: true, force: true });
});

function startNameServer(port: number): Promise<TestProcess> {
  return TestProcess.start({
    args: [
      millrace,
      'nameserver',
      `--listen-port=${port}`,
      `--kv-config-path=${join(directory, 'kv.json')}`,
    ],
    env: { NODE_OPTIONS: undefined },
    ready: /ready in \d+ ms/,
    readyTimeoutMs: 60_000,
  });
}

function startBroker(port: number, namesrvAddr: string): Promise<TestProcess> {
  return TestProcess.start({
    args: [
      millrace,
      'broker',
      `--listen-port=${port}`,
      `--namesrv-addr=${namesrvAddr}`,
      `--store-path-root-dir=${join(directory, 'store')}`,
    ],
    env: { NODE_OPTIONS: undefined },
    ready: /ready in \d+ ms/,
    readyTimeoutMs: 60_000,
  });
}

function startSync(namesrvAddr: string): Promise<TestProcess> {
  return TestProcess.start({
    args: [sync],
    env: {
      NODE_OPTIONS: undefined,
      DATABASE_URL: process.env['DATABASE_URL'],
      DATABASE_SCHEMA: schema,
      REDIS_URL: redisUrl(),
      NAMESRV_ADDR: namesrvAddr,
      PORT: '0',
      SYNC_SOURCE_URL: `mysql://root@127.0.0.1:${toSource.port}`,
      SYNC_SOURCE_SCHEMA: source.schema,
      SYNC_MAX_BACKOFF_MS: '500',
      COPY_DATABASE_URL: `mysql://root@127.0.0.1:${toCopy.port}`,
      COPY_DATABASE_SCHEMA: copySchemaOf(schema),
      SYNC_COPY_SUSPEND_MS: '50',
      SYNC_SNAPSHOT_BACKOFF_MS: '100',
      SYNC_SNAPSHOT_PAGE_ROWS: '50',
    },
    ready: /"msg":"listening"/,
    readyTimeoutMs: 60_000,
  });
}

async function createTopic(admin: Admin): Promise<void> {
  await until(
    async () => {
      await admin.createTopic({ topic: ORDER_BINLOG, readQueueNums: 4 });
      return (await admin.topicRoute(ORDER_BINLOG)) !== undefined;
    },
    { what: `a route of ${ORDER_BINLOG}`, timeoutMs: 30_000, pollMs: 50 },
  );
}

/** Messages that were sent back or given up, of whatever group. */
async function retriedCount(admin: Admin): Promise<number> {
  const topics = (await admin.topicList()).filter((topic) => /^%(RETRY|DLQ)%/.test(topic));
  const queues = (await Promise.all(topics.map((topic) => admin.queues(topic)))).flat();
  const ends = await Promise.all(queues.map((queue) => admin.maxOffset(queue)));
  return ends.reduce((sum, end) => sum + end, 0);
}

/** Everything before `end` is published, everything published is applied, and the snapshot is whole. */
async function isAtRest(service: TestProcess, admin: Admin, end: BinlogPosition): Promise<boolean> {
  const ports = [...(await service.stdout()).matchAll(/"port":(\d+).*?"msg":"listening"/g)];
  const answer = await fetch(`http://127.0.0.1:${ports.at(-1)?.[1]}/streams`);
  const { streams } = (await answer.json()) as {
    streams: { published?: Omit<BinlogPosition, 'row'> }[];
  };
  const published = streams[0]?.published;
  if (published === undefined || comparePositions({ ...published, row: 0 }, end) < 0) return false;
  const queues = await admin.consumerProgress('sync-copy', ORDER_BINLOG);
  if (queues.length === 0 || queues.some(({ lag }) => lag !== 0)) return false;
  const [snapshots] = await database.query<RowDataPacket[]>(
    `SELECT state FROM ${copySchemaOf(schema)}._snapshots`,
  );
  return snapshots.length === 1 && snapshots[0]?.['state'] === 'DONE';
}

it('has a copy that is equal in the end, whoever is killed or cut off while orders change', async () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  const [nameServerPort, brokerPort] = [await freePort(0), await freePort(0)];
  const namesrvAddr = `127.0.0.1:${nameServerPort}`;
  await using _nameServer = await startNameServer(nameServerPort);
  await using broker = await startBroker(brokerPort, namesrvAddr);
  await using admin = new Admin({ namesrvAddr });
  await createTopic(admin);
  await source.placeOrders(random, 200);
  await using service = await startSync(namesrvAddr);

  const changed = async (count: number): Promise<void> => {
    const wanted = source.changeCount + count;
    await until(() => source.changeCount >= wanted, {
      what: `${count} more changes; seed ${seed}`,
      timeoutMs: 120_000,
    });
  };
  const faults: Readonly<Record<string, () => Promise<void>>> = {
    'sync killed': async () => {
      await service.kill();
      await changed(20);
      await service.restart();
    },
    'broker killed': async () => {
      await broker.kill();
      await changed(20);
      await broker.restart();
    },
    'copy cut off': async () => {
      toCopy.close();
      await changed(20);
      toCopy.reopen();
    },
    'source cut off': async () => {
      toSource.close();
      await changed(20);
      toSource.reopen();
    },
  };
  const end = new AbortController();
  const load = source.changeUntil(end.signal, seed);
  const played: string[] = [];
  try {
    for (let round = 0; round < ROUND_COUNT; round += 1) {
      for (const fault of random.shuffled(Object.keys(faults))) {
        // Also before the first snapshot is whole, and before what the fault before left is made good.
        await changed(random.below(60));
        played.push(fault);
        try {
          await faults[fault]?.();
        } catch (cause) {
          const last = (await service.log()).slice(-4_000);
          throw new Error(`seed ${seed}, after ${played.join(', ')}: ${last}`, { cause });
        }
      }
    }
  } finally {
    end.abort();
    await load;
  }

  const sides = [source.schema, copySchemaOf(schema)].map((each) => ({
    connection: database,
    schema: each,
  })) as [{ connection: Connection; schema: string }, { connection: Connection; schema: string }];
  // First that nothing is under way any more, then that it is equal: what is slow must not look like what is lost, nor what
  // is lost like what is slow. The broker keeps a dead consumer's locks for a minute.
  const [status] = await database.query<RowDataPacket[]>('SHOW MASTER STATUS');
  const sourceEnd = {
    file: String(status[0]?.['File']),
    offset: Number(status[0]?.['Position']),
    row: 0,
  };
  await until(() => isAtRest(service, admin, sourceEnd), {
    what: `a copy at rest; seed ${seed}, after ${played.join(', ')}`,
    timeoutMs: 400_000,
    pollMs: 250,
  });
  const { rows, findings } = await compareCopy(...sides, { graceMs: 0 });
  expect({ seed, played, findings }).toEqual({ seed, played, findings: [] });
  expect(rows).toBeGreaterThan(400);
  expect(await retriedCount(admin)).toBe(0);
}, 900_000);
