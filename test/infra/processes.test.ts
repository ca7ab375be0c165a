import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startTimeOf } from '../../infra/process-groups.ts';
import { endLeftovers, Processes } from '../../infra/processes.ts';
import { until } from '../support/deadline.ts';

const root = resolve(import.meta.dirname, '..', '..');
let dir: string;
let processes: Processes;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-processes-'));
  processes = new Processes(dir, root);
});
afterEach(async () => {
  await processes.stopAll();
  await rm(dir, { recursive: true });
});

/** A process that runs `code` and then stays. */
function node(
  name: string,
  code: string,
): {
  name: string;
  command: string;
  args: string[];
  stopOrder: number;
} {
  const args = ['-e', `${code}; setInterval(() => undefined, 1e6);`];
  return { name, command: process.execPath, args, stopOrder: 1 };
}

async function expectNoFailure(): Promise<void> {
  const quiet = Symbol('quiet');
  expect(await Promise.race([processes.failure, Promise.resolve(quiet)])).toBe(quiet);
}

describe('Processes', () => {
  it('waits for the line that says it serves, and keeps what it prints', async () => {
    const running = await processes.start({
      ...node('server', "console.log('ready in 5 ms')"),
      ready: /ready in \d+ ms/,
    });
    expect(running.output()).toBe('ready in 5 ms\n');
    expect(await readFile(join(dir, 'logs', 'server.log'), 'utf8')).toBe('ready in 5 ms\n');
  });

  it('does not take the line of an earlier start for that of the next', async () => {
    const server = { ...node('server', "console.log('ready ' + process.pid)"), ready: /ready/ };
    const first = await processes.start(server);
    first.kill('SIGKILL');
    await first.exited;
    const second = await processes.start(server);
    expect(second.output()).toBe(`ready ${second.pid}\n`);
  });

  it('has those that may wait take what the others leave of the processors', async () => {
    const first = await processes.start(node('first', ''));
    const last = await processes.start(node('last', ''));
    await processes.putBehindOthers(['last', 'not there']);
    expect([getPriority(first.pid), getPriority(last.pid)]).toEqual([getPriority(), 19]);
  });

  it('shows the end of the log when a process ends before it is ready', async () => {
    const failing = node('server', "console.error('port 1 is taken'); process.exit(3)");
    await expect(processes.start({ ...failing, ready: /ready/ })).rejects.toThrow(
      /port 1 is taken\n\nserver did not start: it ended with code 3. Log: .*server.log/,
    );
  });

  it('says so when a process is not ready in time', async () => {
    const silent = { ...node('server', ''), ready: /ready/, readyTimeoutMs: 1 };
    await expect(processes.start(silent)).rejects.toThrow(/server is not ready after 0.001 s/);
  });

  it('tells only who starts it that a process did not start, and leaves nothing of it', async () => {
    const ended = { ...node('server', 'process.exit(3)'), ready: /ready/ };
    await expect(processes.start(ended)).rejects.toThrow('did not start');
    const late = { ...node('server', "console.log('up')"), ready: /ready/, readyTimeoutMs: 1 };
    await expect(processes.start(late)).rejects.toThrow('is not ready');
    expect(processes.pids()).toEqual(new Map());
    await expectNoFailure();
    const good = { ...node('server', "console.log('ready')"), ready: /ready/ };
    expect((await processes.start(good)).isRunning).toBe(true);
  });

  it('does not take for ready a process that has ended since it said so', async () => {
    const anotherAnswers = async (): Promise<boolean> => {
      const pid = processes.pids().get('server');
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      return pid === undefined;
    };
    const hasty = { ...node('server', ''), ready: anotherAnswers };
    await expect(processes.start(hasty)).rejects.toThrow('server did not start');
  });

  it('names a command that does not exist', async () => {
    await expect(
      processes.start({ name: 'server', command: join(dir, 'none'), args: [], stopOrder: 1 }),
    ).rejects.toThrow(/server cannot be started: .*ENOENT/);
  });

  it('reports a process that ends by itself, and not one that was told to', async () => {
    const told = await processes.start(node('told', ''));
    told.kill('SIGKILL');
    await told.exited;
    await processes.start(node('crashing', 'process.exit(7)'));
    await expect(processes.failure).rejects.toThrow(/crashing ended unexpectedly with code 7/);
  });

  it('kills a process by its name, and starts it again as it was', async () => {
    const print = "console.log('ready ' + process.pid + ' ' + process.env.COLOUR)";
    const server = { ...node('server', print), env: { COLOUR: 'red' }, ready: /ready/ };
    const first = await processes.start(server);
    const startAgain = await processes.kill('server');
    expect(await first.exited).toBe('SIGKILL');
    expect(first.isRunning).toBe(false);
    await expect(processes.kill('server')).rejects.toThrow('server is not running');
    await startAgain();
    const log = await readFile(join(dir, 'logs', 'server.log'), 'utf8');
    expect(log.trimEnd().split('\n')).toEqual([
      `ready ${first.pid} red`,
      expect.stringMatching(/^ready \d+ red$/),
    ]);
    // It is there to be killed once more, and neither end was a failure.
    await processes.kill('server');
    await expectNoFailure();
  });

  it('stops those with the highest number first', async () => {
    const noteEnd = (name: string): string =>
      `process.on('SIGTERM', () => { require('fs').appendFileSync(${JSON.stringify(join(dir, 'ends'))}, '${name} '); process.exit(); }); console.log('up')`;
    for (const [name, stopOrder] of [
      ['database', 0],
      ['service', 3],
      ['broker', 2],
    ] as const) {
      await processes.start({ ...node(name, noteEnd(name)), stopOrder, ready: /up/ });
    }
    await processes.stopAll();
    expect(await readFile(join(dir, 'ends'), 'utf8')).toBe('service broker database ');
  });

  it('says it again to a process that was deaf when it was first told to stop, as MariaDB is while it starts', async () => {
    const deaf = "process.once('SIGTERM', () => process.on('SIGTERM', () => process.exit(5)));";
    const running = await processes.start({
      ...node('deaf', `${deaf} console.log('up')`),
      ready: /up/,
      stopTimeoutMs: 60_000,
      stopAgainEveryMs: 1,
    });
    await processes.stopAll();
    expect(await running.exited).toBe('code 5');
  });

  it('kills a process that does not listen to SIGTERM, with what it has started', async () => {
    const stubborn =
      "process.on('SIGTERM', () => undefined);" +
      "const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => 0, 1e6)']);" +
      'console.log(`child ${child.pid}`)';
    const running = await processes.start({
      ...node('stubborn', stubborn),
      ready: /child/,
      stopTimeoutMs: 1,
    });
    await processes.stopAll();
    // Whoever inherits the orphan buries it in his own time.
    const child = Number(/child (\d+)/.exec(running.output())?.[1]);
    await until(() => startTimeOf(child) === undefined);
    expect(await readdir(join(dir, 'pids'))).toEqual([]);
  });

  it('tells the exit code of a process that is run to its end', async () => {
    const command = { name: 'step', command: process.execPath };
    expect(await processes.runToEnd({ ...command, args: ['-e', 'process.exit(4)'] })).toBe(4);
    expect(await processes.runToEnd({ ...command, args: ['-e', ''] })).toBe(0);
  });

  it('stops a process that does not end in the time it has, and counts it as failed', async () => {
    const hanging = {
      name: 'hanging',
      command: process.execPath,
      args: ['-e', 'setInterval(() => 0, 1000)'],
    };
    const said = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    expect(await processes.runToEnd({ ...hanging, timeLimitMs: 100 })).toBe(1);
    expect(said).toHaveBeenCalledWith('\nhanging did not end within 0.1 s: stopped');
    said.mockRestore();
  });
});

describe('endLeftovers', () => {
  it('ends a process that a killed command has left, and only that', async () => {
    const left = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1e6)'], {
      stdio: 'ignore',
      detached: true,
    });
    const ended = new Promise((done) => left.once('exit', done));
    await mkdir(join(dir, 'pids'), { recursive: true });
    await writeFile(join(dir, 'pids', String(left.pid)), startTimeOf(left.pid ?? 0) ?? '');
    // The same number, given to somebody else since: this very process.
    await writeFile(join(dir, 'pids', String(process.pid)), 'another time');
    expect(await endLeftovers(dir)).toBe(1);
    await ended;
    expect(existsSync(join(dir, 'pids'))).toBe(false);
    await mkdir(join(dir, 'pids'));
  });
});
