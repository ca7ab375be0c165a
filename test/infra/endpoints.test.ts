import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { noteEndpoints, runningDatabases } from '../../infra/endpoints.ts';

const databases = {
  databaseUrl: 'mysql://root@127.0.0.1:3306',
  redisUrl: 'redis://127.0.0.1:6379',
};
const { pid } = process;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-endpoints-'));
  await mkdir(join(dir, 'run-2'));
});

afterEach(() => rm(dir, { recursive: true }));

describe('the databases of a running demo', () => {
  it('are found by another command', () => {
    const slot = { number: 2, dir: join(dir, 'run-2'), release: () => undefined };
    noteEndpoints(slot, databases);
    const slots = [
      { dir: join(dir, 'run-1'), pid: 1 },
      { dir: slot.dir, pid },
    ];
    expect(runningDatabases(slots)).toEqual(databases);
  });

  it('are not those of a command that has ended, whose folder another one has now', () => {
    const slot = { number: 2, dir: join(dir, 'run-2'), release: () => undefined };
    noteEndpoints(slot, databases);
    expect(runningDatabases([{ dir: slot.dir, pid: pid + 1 }])).toBeUndefined();
    expect(runningDatabases([])).toBeUndefined();
  });
});
