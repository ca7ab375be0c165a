import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { until } from '../support/deadline.ts';
import '../support/long-time-limit.ts';
import { TestProcess } from '../support/process.ts';
import { ProcessMark } from './marked-processes.ts';

const root = resolve(import.meta.dirname, '..', '..');
const isUp = /Ctrl-C stops everything/;

function startDemo(
  mark: ProcessMark,
  flags: readonly string[],
  ready?: RegExp,
): Promise<TestProcess> {
  return TestProcess.start({
    args: ['infra/bootstrap.mjs', 'demo', ...flags],
    cwd: root,
    // Jest's own flags are not for the processes of the demo.
    env: { ...mark.env, NODE_OPTIONS: undefined },
    ...(ready !== undefined && { ready, readyTimeoutMs: 120_000 }),
  });
}

describe('npm run demo', () => {
  it.each([
    {
      title: 'brings 100 orders to their end: paid and shipped, closed, or refunded',
      flags: ['--once'],
    },
    {
      title: 'loses and doubles nothing when the broker is killed',
      flags: ['--once', '--kill-broker'],
    },
  ])('$title, and leaves nothing running', async ({ flags }) => {
    const mark = new ProcessMark();
    await using demo = await startDemo(mark, flags);
    const { code } = await demo.ended;
    const printed = await demo.stdout();
    expect({ code, printed, errors: await demo.stderr() }).toMatchObject({ code: 0 });
    expect(JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '')).toEqual({
      orders: 100,
      paid: 70,
      closed: 15,
      refunded: 15,
      coupons: 85,
      pushes: expect.any(Number),
      dlq: expect.any(Number),
      dlq_redriven: expect.any(Number),
      lost: 0,
      duplicated: 0,
      seed: expect.any(Number),
      seconds: expect.any(Number),
    });
    expect(await mark.running()).toEqual([]);
  });

  it('stays up after the audit, and stops everything at Ctrl-C', async () => {
    const mark = new ProcessMark();
    await using demo = await startDemo(mark, [], isUp);
    // Runner, watchdog, name server, broker and nine services at least; databases may be somebody else's.
    expect((await mark.running()).length).toBeGreaterThanOrEqual(13);
    demo.signal('SIGINT');
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    expect(await mark.running()).toEqual([]);
  });

  it('leaves nothing running when it is killed itself', async () => {
    const mark = new ProcessMark();
    await using demo = await startDemo(mark, [], isUp);
    await demo.kill();
    await until(async () => (await mark.running()).length === 0, {
      timeoutMs: 30_000,
      what: 'everything the killed demo had started has ended',
    });
  });
});
