import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { TestProcess } from '../support/process.ts';
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
  await using demo = await TestProcess.start({
    args: ['infra/bootstrap.mjs', 'demo', '--once'],
    cwd: root,
    env: { NAMESRV_ADDR: cluster.namesrvAddr },
  });
  const printed = await demo.endedWell();
  const verdict: unknown = JSON.parse(printed.trim().split('\n').at(-1)!);
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
