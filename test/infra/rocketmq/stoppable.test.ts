import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

const stoppable = resolve(import.meta.dirname, '../../../infra/rocketmq/stoppable');

/** In the place of the broker: says that it is there, and when it is told to stop, a moment later that it has. */
const server = `
  process.once('SIGTERM', () => setTimeout(() => process.stdout.write('stopped in order', () => process.exit()), 200));
  setInterval(() => undefined, 1_000);
  process.stdout.write('up as ' + process.pid + '; ');
`;

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-stoppable-'));
});
afterEach(() => rm(dir, { recursive: true }));

it('hands SIGTERM to the process below two shells, and ends when that has ended', async () => {
  await writeFile(join(dir, 'server.cjs'), server);
  await writeFile(join(dir, 'inner'), `${process.execPath} ${join(dir, 'server.cjs')}\ntrue\n`);
  await writeFile(join(dir, 'outer'), `sh ${join(dir, 'inner')} "$@"\ntrue\n`);
  const child = spawn('bash', [stoppable, join(dir, 'outer')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const closed = once(child, 'close');
  let printed = '';
  const up = new Promise<number>((isUp) => {
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      printed += piece;
      const pid = /up as (\d+); /.exec(printed)?.[1];
      if (pid !== undefined) isUp(Number(pid));
    });
  });
  const pid = await up;
  child.kill('SIGTERM');
  await once(child, 'exit');
  const isLeft = endsNow(pid);
  await closed;
  expect(isLeft).toBe(false);
  expect(printed).toBe(`up as ${pid}; stopped in order`);
});

/** Whether the process was still there; it is not any more. */
function endsNow(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
