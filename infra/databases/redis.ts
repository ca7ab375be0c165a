import type { Say } from '../command.ts';
import { freePort } from '../free-port.ts';
import { startContainer } from './container.ts';
import type { DatabaseContext } from './database-context.ts';
import type { Machine } from './machine.ts';
import { redisAnswers } from './ready.ts';

const readyTimeoutMs = 30_000;

/** Every write is logged, as the database keeps its rows; a log cut short by a crash is loaded up to the cut. */
const serverSettings = ['--appendonly', 'yes', '--save', ''];

/** Starts a private Redis on a free port of 127.0.0.1, with its data in `dir`; returns its URL. */
export async function startRedis(
  machine: Machine,
  { processes, dir }: DatabaseContext,
  say: Say,
): Promise<string> {
  const server = await machine.which('redis-server');
  if (server === undefined)
    throw new Error('redis-server was found or installed, and is gone again');
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  say(`${server}, port ${port}`);
  await processes.start({
    name: 'redis',
    command: server,
    args: ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, ...serverSettings],
    stopOrder: 0,
    ready: async () => (await redisAnswers(url)) === undefined,
    readyTimeoutMs,
  });
  return url;
}

/** The same in a container of the public image. */
export async function startRedisInDocker(
  machine: Machine,
  context: DatabaseContext,
  image: string,
  say: Say,
): Promise<string> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  await startContainer(machine, context, {
    name: 'redis',
    image,
    publish: `127.0.0.1:${port}:6379`,
    mount: '/data',
    env: {},
    // Reached from outside the container, which is published on 127.0.0.1 only.
    args: ['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', ...serverSettings],
    ready: async () => (await redisAnswers(url)) === undefined,
    readyTimeoutMs,
    say,
  });
  return url;
}
