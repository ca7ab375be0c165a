import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { TestProcess } from '../support/process.ts';
import { ProcessMark } from './marked-processes.ts';

const root = resolve(import.meta.dirname, '..', '..');
const stock = 50;

it('npm run loadtest sells no more than there is, audits, reports, and leaves nothing running', async () => {
  const mark = new ProcessMark();
  await using loadtest = await TestProcess.start({
    args: `infra/bootstrap.mjs loadtest flash-sale --rate 200 --duration 3s --stock ${stock} --json`.split(
      ' ',
    ),
    cwd: root,
    // Jest's own flags are not for the processes of the shop.
    env: { ...mark.env, NODE_OPTIONS: undefined },
  });
  // How quick it was is for a machine that has nothing else to do: 1 says that a threshold was missed.
  const printed = await loadtest.endedWell([0, 1]);
  const talk = await loadtest.stderr();
  const line = JSON.parse(printed) as Record<string, number>;
  expect(Object.keys(line)).toEqual([
    'rate',
    'answered_per_s',
    'p50_ms',
    'p95_ms',
    'p99_ms',
    'errors',
    'accepted',
    'persisted_per_s',
    'oversold',
    'lost',
    'duplicated',
  ]);
  expect(line).toMatchObject({ rate: 200, errors: 0, accepted: stock });
  expect(line).toMatchObject({ oversold: 0, lost: 0, duplicated: 0 });
  const report = /Report: (\S+\.html)/.exec(talk)?.[1] ?? '';
  expect(existsSync(join(root, report))).toBe(true);
  expect(readFileSync(join(root, report), 'utf8')).toContain('flash-sale');
  expect(await mark.running()).toEqual([]);
}, 300_000);
