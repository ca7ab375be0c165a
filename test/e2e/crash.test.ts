import { resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { TestProcess } from '../support/process.ts';
import { ProcessMark } from './marked-processes.ts';

const root = resolve(import.meta.dirname, '..', '..');

it('npm run test:crash finds every promise of a broker kept that is killed 30 times, and leaves nothing running', async () => {
  const mark = new ProcessMark();
  await using crash = await TestProcess.start({
    args: ['infra/bootstrap.mjs', 'crash', '--cycles', '30'],
    cwd: root,
    // Jest's own flags are not for the broker.
    env: { ...mark.env, NODE_OPTIONS: undefined },
  });
  const printed = await crash.endedWell();
  expect(printed).toMatch(/\n30 passed, 0 failed\n$/);
  // A load of which nothing is acknowledged proves nothing.
  const [, acknowledged] = /(\d+) messages acknowledged/.exec(printed) ?? [];
  expect(Number(acknowledged)).toBeGreaterThan(30 * 20);
  expect(await mark.running()).toEqual([]);
}, 300_000);
