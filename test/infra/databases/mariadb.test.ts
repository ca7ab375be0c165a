import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startMariadb } from '../../../infra/databases/mariadb.ts';
import type { ProcessOptions, Processes } from '../../../infra/processes.ts';
import { fakeMachine } from './fake-machine.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace mariadb '));
});
afterEach(() => rm(dir, { recursive: true }));

describe('startMariadb', () => {
  it('creates its data folder in a path with blanks without a user to chown it to, and serves as root', async () => {
    const machine = fakeMachine({
      isRoot: true,
      executables: { mariadbd: '/sbin/mariadbd', 'mariadb-install-db': '/bin/install' },
      answers: { '/sbin/mariadbd --no-defaults --version': 'mariadbd 10.11 MariaDB' },
    });
    const installed: (readonly string[])[] = [];
    const started: ProcessOptions[] = [];
    const processes = {
      start: async (options: ProcessOptions) => void started.push(options),
    } as unknown as Processes;
    const run: typeof machine.run = async (command, args) => {
      if (command !== '/bin/install') return await machine.run(command, args);
      installed.push(args);
      await mkdir(join(dir, 'data.unfinished'));
      return { code: 0, output: '' };
    };
    await startMariadb({ ...machine, run }, { processes, dir }, () => undefined);
    expect(installed).toEqual([expect.arrayContaining([`--datadir=${dir}/data.unfinished`])]);
    expect(installed.flat().filter((arg) => arg.startsWith('--user'))).toEqual([]);
    expect(started[0]?.args).toEqual(
      expect.arrayContaining([`--datadir=${dir}/data`, '--user=root']),
    );
  });
});
