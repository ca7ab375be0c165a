import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import {
  comparePositions,
  rowOf,
  type RowChange,
} from '../../../services/contracts/order-binlog.ts';
import { until } from '../../support/deadline.ts';
import { TestProcess } from '../../support/process.ts';
import { BinlogWorld } from './binlog-world.ts';
import { dropSchema, newSchema, redisUrl } from './shop.ts';

const main = resolve(import.meta.dirname, '../../../services/dist/sync/main.js');
const ORDER_COUNT = 24;
const WRITER_COUNT = 4;
const KILL_COUNT = 3;

let world: BinlogWorld;
let copySchema: string;

beforeEach(async () => {
  world = await BinlogWorld.create();
  copySchema = newSchema();
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
  await dropSchema(copySchema);
});

it('brings every step of every order into its queue once and in order, though its process and the broker are killed', async () => {
  const random = new SeededRandom(Date.now() % 1_000_000);
  await using sync = await TestProcess.start({
    args: [main],
    env: {
      NODE_OPTIONS: undefined,
      DATABASE_URL: process.env['DATABASE_URL'],
      DATABASE_SCHEMA: world.state.schema,
      REDIS_URL: redisUrl(),
      NAMESRV_ADDR: world.broker.namesrvAddr,
      PORT: '0',
      SYNC_SOURCE_SCHEMA: world.schema,
      COPY_DATABASE_SCHEMA: copySchema,
      SYNC_CHECKPOINT_MS: '100',
    },
    ready: /"msg":"following the binlog"/,
    readyTimeoutMs: 60_000,
  });
  const steps = new Map<string, number>();
  const end = new AbortController();
  let mayWrite = 0;
  const total = (): number => [...steps.values()].reduce((sum, step) => sum + step + 1, 0);
  const write = async (writerNo: number): Promise<void> => {
    await using connection = await createConnection(
      `${process.env['DATABASE_URL']}/${world.schema}`,
    );
    for (let orderNo = writerNo; orderNo < ORDER_COUNT; orderNo += WRITER_COUNT) {
      await connection.query(
        "INSERT INTO orders (order_no, user_id, status, total_minor, placed_at) VALUES (?, 'u', 'CREATED', 1, NOW(3))",
        [`O-${orderNo}`],
      );
      steps.set(`O-${orderNo}`, 0);
    }
    for (let count = 0; !end.signal.aborted; count++) {
      // A process starts slowly on a busy machine: what is written meanwhile is bounded.
      await until(() => total() < mayWrite || end.signal.aborted, { timeoutMs: 120_000 });
      const orderNo = `O-${writerNo + WRITER_COUNT * (count % (ORDER_COUNT / WRITER_COUNT))}`;
      const step = steps.get(orderNo)! + 1;
      await connection.query('UPDATE orders SET step = ? WHERE order_no = ?', [step, orderNo]);
      steps.set(orderNo, step);
    }
  };
  const writers = Array.from({ length: WRITER_COUNT }, (_, writerNo) => write(writerNo));
  for (let kill = 0; kill < KILL_COUNT; kill++) {
    const killAt = total() + 50 + random.below(150);
    mayWrite = killAt + 100;
    await until(() => total() >= killAt, { what: 'more steps', timeoutMs: 60_000 });
    // Once the broker goes first: what was on its way then is looked for by the next process.
    if (kill === 1) await world.broker.kill();
    await sync.kill();
    if (kill === 1) await world.broker.restart();
    await sync.restart();
  }
  end.abort();
  await Promise.all(writers);

  const expected = total();
  const changes = await until(
    async () => {
      const found = await world.changes();
      return found.length >= expected ? found : undefined;
    },
    { what: `${expected} changes`, timeoutMs: 60_000, pollMs: 300 },
  );
  expect(changes).toHaveLength(expected);
  for (const queue of await world.changesByQueue()) expectGrowing(queue);
  for (const [orderNo, step] of steps) {
    const told = changes.filter((change) => change.orderNo === orderNo);
    expect(told.map((change) => rowOf(change)['step'])).toEqual(
      Array.from({ length: step + 1 }, (_, index) => index),
    );
  }

  const ports = [...(await sync.stdout()).matchAll(/"port":(\d+).*?"msg":"listening"/g)];
  const url = `http://127.0.0.1:${ports.at(-1)![1]}`;
  const stream = await until(
    async () => {
      const { streams } = (await (await fetch(`${url}/streams`)).json()) as {
        streams: Record<string, unknown>[];
      };
      return streams.find(({ state, waitingCount }) => state === 'FOLLOWING' && waitingCount === 0);
    },
    { what: 'a stream that follows', timeoutMs: 20_000 },
  );
  expect(stream).toMatchObject({ name: 'order-binlog', published: { offset: expect.any(Number) } });
  const resumed = await fetch(`${url}/streams/order-binlog/resume`, { method: 'POST' });
  expect([resumed.status, await resumed.json()]).toEqual([
    200,
    expect.objectContaining({ state: 'FOLLOWING' }),
  ]);
  const unknown = await fetch(`${url}/streams/other/resume`, { method: 'POST' });
  expect([unknown.status, await unknown.json()]).toEqual([
    404,
    expect.objectContaining({ code: 'SYNC.UNKNOWN_STREAM' }),
  ]);
  await until(
    async () =>
      /millrace_sync_lag_seconds\{.*\} 0\n/.test(await (await fetch(`${url}/metrics`)).text()),
    { what: 'no lag', timeoutMs: 20_000 },
  );
});

function expectGrowing(queue: readonly RowChange[]): void {
  for (const [index, { position }] of queue.entries()) {
    const before = queue[index - 1];
    if (before !== undefined) expect(comparePositions(before.position, position)).toBeLessThan(0);
  }
}
