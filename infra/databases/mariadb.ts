import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Say } from '../command.ts';
import { freePort } from '../free-port.ts';
import { binlogSettings } from './binlog.ts';
import { startContainer } from './container.ts';
import type { DatabaseContext } from './database-context.ts';
import { findMariadb } from './look-around.ts';
import type { Machine } from './machine.ts';
import { mariadbAnswers } from './ready.ts';

/** A first start in a container creates the system tables before it serves. */
const readyTimeoutMs = 120_000;

/**
 * Small, quick to start, and as safe as the services assume: an acknowledged commit is on disk
 * (innodb_flush_log_at_trx_commit=1 and the doublewrite buffer are MariaDB's defaults; the first is spelt out). A data
 * folder of before there was a binlog starts with one.
 */
const serverSettings = [
  '--innodb-flush-log-at-trx-commit=1',
  '--innodb-buffer-pool-size=64M',
  '--innodb-log-file-size=32M',
  '--performance-schema=OFF',
  '--skip-name-resolve',
  '--character-set-server=utf8mb4',
  '--collation-server=utf8mb4_unicode_ci',
  '--max-connections=500',
  ...binlogSettings,
];

/** Starts a private MariaDB on a free port of 127.0.0.1, with its data in `dir`; returns its URL. */
export async function startMariadb(
  machine: Machine,
  { processes, dir }: DatabaseContext,
  say: Say,
): Promise<string> {
  const found = await findMariadb(machine);
  if (found === undefined) throw new Error('mariadbd was found or installed, and is gone again');
  const dataDir = join(dir, 'data');
  // mariadbd refuses to run as root unless told so. A user `mysql` may not exist, and could not reach a clone in /root.
  const asUser = machine.isRoot ? ['--user=root'] : [];
  if (!existsSync(dataDir)) {
    say(`${found.server}, first start: creating the data folder`);
    await createDataDir(machine, found.installer, dataDir);
  }
  const port = await freePort();
  const url = `mysql://root@127.0.0.1:${port}`;
  say(`${found.server}, port ${port}`);
  await processes.start({
    name: 'mariadb',
    command: found.server,
    args: [
      '--no-defaults',
      `--datadir=${dataDir}`,
      ...asUser,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      // Relative to the data folder, which is mariadbd's working directory: a socket path may have 107 bytes at most.
      '--socket=mariadb.sock',
      '--pid-file=mariadb.pid',
      ...serverSettings,
    ],
    stopOrder: 0,
    stopTimeoutMs: 30_000,
    // While it starts it loses a SIGTERM.
    stopAgainEveryMs: 500,
    ready: async () => (await mariadbAnswers(url)) === undefined,
    readyTimeoutMs,
  });
  return url;
}

async function createDataDir(machine: Machine, installer: string, dataDir: string): Promise<void> {
  // Under another name until it is complete: an interrupted first start must not look like a database.
  const unfinished = `${dataDir}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  const result = await machine.run(installer, [
    '--no-defaults',
    `--datadir=${unfinished}`,
    // No --user: for it the script runs chown, with a path that it does not quote and that may have blanks.
    // root without a password, from this machine only: the server listens on 127.0.0.1 and holds demo data.
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ]);
  if (result.code !== 0) {
    throw new Error(`${result.output}\n\n${installer} ended with code ${result.code}`);
  }
  await rename(unfinished, dataDir);
}

/** The same in a container of the public image. */
export async function startMariadbInDocker(
  machine: Machine,
  context: DatabaseContext,
  image: string,
  say: Say,
): Promise<string> {
  const port = await freePort();
  const url = `mysql://root@127.0.0.1:${port}`;
  await startContainer(machine, context, {
    name: 'mariadb',
    image,
    publish: `127.0.0.1:${port}:3306`,
    mount: '/var/lib/mysql',
    env: { MARIADB_ALLOW_EMPTY_ROOT_PASSWORD: '1' },
    args: serverSettings,
    ready: async () => (await mariadbAnswers(url)) === undefined,
    readyTimeoutMs,
    say,
  });
  return url;
}
