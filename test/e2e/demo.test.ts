import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { until } from '../support/deadline.ts';
import '../support/long-time-limit.ts';
import { TestProcess } from '../support/process.ts';
import { ProcessMark } from './marked-processes.ts';
import { typeShownRequests } from './shown-requests.ts';

const root = resolve(import.meta.dirname, '..', '..');
const isUp = /Ctrl-C stops everything/;
/** All processes run. */
const hasBegun = /✓ services/;

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
    ...(ready !== undefined && { ready, readyTimeoutMs: 200_000 }),
  });
}

describe('npm run demo', () => {
  it('brings 100 orders and a flash sale to their end, also when the broker is killed; has a copy that is the same, and leaves nothing running', async () => {
    const mark = new ProcessMark();
    await using demo = await startDemo(mark, ['--once', '--kill-broker']);
    const printed = await demo.endedWell();
    expect(JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '')).toEqual({
      orders: 100,
      paid: 70,
      closed: 15,
      refunded: 15,
      coupons: 85,
      pushes: expect.any(Number),
      dlq: expect.any(Number),
      dlq_redriven: expect.any(Number),
      sale_admitted: 16,
      sale_turned_away: 25,
      sale_returned: 1,
      oversold: 0,
      copied_rows: expect.any(Number),
      copy_differences: 0,
      lost: 0,
      duplicated: 0,
      seed: expect.any(Number),
      seconds: expect.any(Number),
    });
    expect(await mark.running()).toEqual([]);
  });

  it('stays up after the audit, answers what services/README.md asks it, and stops everything at Ctrl-C', async () => {
    const mark = new ProcessMark();
    await using demo = await startDemo(mark, [], isUp);
    expect(await demo.stdout()).toMatch(
      /Whole database: .*; 0 lost, 0 duplicated, 0 contradictions/,
    );
    // Runner, watchdog, name server, broker and eleven services at least; databases may be somebody else's.
    expect((await mark.running()).length).toBeGreaterThanOrEqual(15);
    expect((await typeShownRequests({ stdout: await demo.stdout() })).length).toBeGreaterThan(20);
    demo.signal('SIGINT');
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    expect(await mark.running()).toEqual([]);
  });

  it('leaves nothing running when it is killed itself', async () => {
    const mark = new ProcessMark();
    await using demo = await startDemo(mark, [], hasBegun);
    await demo.kill();
    await until(async () => (await mark.running()).length === 0, {
      timeoutMs: 30_000,
      what: 'everything the killed demo had started has ended',
    });
  });
});
