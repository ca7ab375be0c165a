import { resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { TestProcess } from '../support/process.ts';
import { ProcessMark } from './marked-processes.ts';

const root = resolve(import.meta.dirname, '..', '..');

it('npm run test:chaos loses and doubles nothing, whichever process is killed, and leaves nothing running', async () => {
  const mark = new ProcessMark();
  await using chaos = await TestProcess.start({
    args: ['infra/bootstrap.mjs', 'chaos', '--seed', '1'],
    cwd: root,
    // Jest's own flags are not for the processes of the shop.
    env: { ...mark.env, NODE_OPTIONS: undefined },
  });
  const printed = await chaos.endedWell();
  // Eleven services, the broker and the name server; databases may be somebody else's.
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(printed) ?? [];
  expect(Number(passed)).toBeGreaterThanOrEqual(13);
  expect(failed).toBe('0');
  expect(await mark.running()).toEqual([]);
}, 900_000);
