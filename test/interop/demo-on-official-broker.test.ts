import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startOfficialCluster, type OfficialCluster } from './support/official-cluster.ts';

const root = resolve(import.meta.dirname, '..', '..');
let cluster: OfficialCluster;

beforeAll(async () => {
  cluster = await startOfficialCluster();
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

it('runs the demo unchanged on the official broker, by NAMESRV_ADDR alone', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['infra/bootstrap.mjs', 'demo', '--once'],
    { cwd: root, env: { ...process.env, NAMESRV_ADDR: cluster.namesrvAddr } },
  );
  const verdict: unknown = JSON.parse(stdout.trim().split('\n').at(-1)!);
  expect(verdict).toMatchObject({
    orders: 100,
    paid: 70,
    closed: 15,
    refunded: 15,
    coupons: 85,
    sale_admitted: 16,
    oversold: 0,
    copy_differences: 0,
    lost: 0,
    duplicated: 0,
  });
  // Some orders' coupons had to be taken from the dead-letter queue, and all of them were.
  const { dlq, dlq_redriven: redriven } = verdict as { dlq: number; dlq_redriven: number };
  expect(dlq).toBeGreaterThan(0);
  expect(redriven).toBe(dlq);
});
