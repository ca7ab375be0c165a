import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Admin, Producer } from '../../mq/index.ts';
import { until } from '../support/deadline.ts';
import { TestProcess } from '../support/process.ts';

/** Its processes, by what /proc says. */
function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const millrace = resolve(import.meta.dirname, '..', '..', 'mq', 'bin', 'millrace.js');

describe('the millrace command', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'millrace-command-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const run = async (...args: string[]): Promise<{ code: number | null; log: string }> => {
    await using command = await TestProcess.start({ args: [millrace, ...args] });
    const { code } = await command.ended;
    return { code, log: await command.log() };
  };

  const brokerArgs = (namesrvAddr: string): string[] => [
    millrace,
    'broker',
    '--listen-port=0',
    `--namesrv-addr=${namesrvAddr}`,
    `--store-path-root-dir=${join(directory, 'store')}`,
  ];

  const startNameServer = async (): Promise<{ server: TestProcess; address: string }> => {
    const server = await TestProcess.start({
      args: [millrace, 'nameserver', '--listen-port=0', '--kv-config-path='],
      ready: /ready in \d+ ms/,
    });
    const address = /on ([\d.]+:\d+)/.exec(await server.stdout())![1]!;
    return { server, address };
  };

  it('lists its commands, and each command its settings with default and environment variable', async () => {
    const help = await run('--help');
    expect(help.code).toBe(0);
    for (const name of ['dev', 'nameserver', 'broker']) expect(help.log).toContain(name);
    const brokerHelp = (await run('broker', '--help')).log.replace(/\s+/g, ' ');
    expect(brokerHelp).toContain('--flush-disk-type <value>');
    expect(brokerHelp).toContain('default SYNC_FLUSH; flushDiskType, MILLRACE_FLUSH_DISK_TYPE');
  });

  it('reports all bad settings together and names keys it does not know', async () => {
    const config = join(directory, 'broker.conf');
    await writeFile(config, 'listenPort=99999\nflushDiskType=NEVER\nslaveReadEnable=true\n');
    const { code, log } = await run('broker', '--config', config);
    expect(code).toBe(1);
    expect(log).toContain('listenPort is "99999", outside 0..65535');
    expect(log).toContain('flushDiskType is "NEVER", not one of SYNC_FLUSH, ASYNC_FLUSH');
    expect(log).toContain('keys without effect here: slaveReadEnable');
    expect(log).not.toContain('    at ');
  });

  it('refuses an address other machines can reach, and names the way to allow it', async () => {
    const { code, log } = await run('broker', '--bind-address=0.0.0.0');
    expect(code).toBe(1);
    expect(log).toContain('allowNonLoopback=true');
  });

  it('says which port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const { code, log } = await run('nameserver', `--listen-port=${port}`, '--kv-config-path=');
    holder.close();
    expect(code).toBe(1);
    expect(log).toContain(`127.0.0.1:${port}`);
  });

  it('prints one line when it serves, with addresses, store, flush mode and time', async () => {
    await using dev = await TestProcess.start({
      args: [
        millrace,
        'dev',
        '--namesrv-port=0',
        '--listen-port=0',
        `--store-path-root-dir=${directory}`,
      ],
      ready: /ready in \d+ ms/,
    });
    const lines = (await dev.stdout()).trim().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(
        /^millrace dev: name server [\d.]+:\d+, broker [\d.]+:\d+, store .+, SYNC_FLUSH, ready in \d+ ms$/,
      ),
    ]);
    expect(await dev.stop()).toEqual({ code: 0, signal: null });
  });

  it('keeps every acknowledged message through kill -9, and starts again by itself', async () => {
    const { server, address } = await startNameServer();
    await using _nameServer = server;
    await using broker = await TestProcess.start({
      args: [...brokerArgs(address), '--auto-create-topic-enable=true'],
      ready: /ready in \d+ ms/,
    });
    await using producer = new Producer({ namesrvAddr: address, producerGroup: 'kill' });
    await producer.start();
    const acked = await Promise.all(
      Array.from({ length: 50 }, (_, index) => producer.send({ topic: 'Kill', body: `m${index}` })),
    );
    // The last acknowledgement and the kill have nothing between them.
    expect(await broker.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    await broker.restart();
    await using admin = new Admin({ namesrvAddr: address });
    await admin.start();
    const queues = await admin.queues('Kill');
    const counts = await Promise.all(queues.map((queue) => admin.maxOffset(queue)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(50);
    for (const { messageQueue, queueOffset } of acked) {
      const queue = queues.findIndex(({ queueId }) => queueId === messageQueue.queueId);
      expect(queueOffset).toBeLessThan(counts[queue]!);
    }
  });

  it('starts several brokers side by side, brings back the one that is killed, and ends them all', async () => {
    const { server, address } = await startNameServer();
    await using _nameServer = server;
    await using brokers = await TestProcess.start({
      args: [...brokerArgs(address), '--count=2', '--log-level=info'],
      ready: /2 brokers, broker-a, broker-b, ready in \d+ ms/,
    });
    await using admin = new Admin({ namesrvAddr: address });
    const addresses = async (): Promise<Map<string, string | undefined>> =>
      new Map(
        Array.from((await admin.clusterInfo()).brokerAddrTable, ([name, { brokerAddrs }]) => [
          name,
          brokerAddrs.get(0),
        ]),
      );
    const before = await addresses();
    expect([...before.keys()].toSorted()).toEqual(['broker-a', 'broker-b']);
    const lines = (await brokers.stdout()).split('\n').filter((line) => line.includes(' on '));
    for (const [name, at] of before) {
      const line = `millrace broker ${name} on ${at}, name servers ${address}, store ${join(directory, 'store', name)}`;
      expect(lines).toContainEqual(expect.stringContaining(line));
    }
    const children = childrenOf(brokers.pid);
    expect(children).toHaveLength(2);
    process.kill(children[0]!, 'SIGKILL');
    await until(async () => (await brokers.stderr()).includes(' serves again'), {
      what: 'a broker that serves again',
      timeoutMs: 20_000,
    });
    expect(await brokers.stderr()).toMatch(/broker-[ab] ended \(SIGKILL\): it is started again/);
    const now = childrenOf(brokers.pid);
    expect(now).toHaveLength(2);
    expect(now).toContain(children[1]);
    expect(await brokers.stop()).toEqual({ code: 0, signal: null });
    expect([...children, ...now].filter(isRunning)).toEqual([]);
  });

  it('leaves no broker behind when the one who started it is killed', async () => {
    await using brokers = await TestProcess.start({
      args: [...brokerArgs(''), '--count=2'],
      ready: /2 brokers, .* ready in \d+ ms/,
    });
    const children = childrenOf(brokers.pid);
    expect(children).toHaveLength(2);
    await brokers.kill();
    await until(() => !children.some(isRunning), { what: 'the end of both brokers' });
    // In good order: nothing has to be recovered.
    for (const name of ['broker-a', 'broker-b']) {
      expect(existsSync(join(directory, 'store', name, 'abort'))).toBe(false);
    }
  });

  it('ends several brokers in good order when the signal reaches each of them as well', async () => {
    await using brokers = await TestProcess.start({
      args: [...brokerArgs(''), '--count=2'],
      ready: /2 brokers, .* ready in \d+ ms/,
    });
    // As systemd and a shell's `kill -- -group` do it; the supervisor passes the signal on besides.
    for (const pid of [...childrenOf(brokers.pid), brokers.pid]) process.kill(pid, 'SIGTERM');
    expect(await brokers.ended).toEqual({ code: 0, signal: null });
    for (const name of ['broker-a', 'broker-b']) {
      expect(existsSync(join(directory, 'store', name, 'abort'))).toBe(false);
    }
  });

  it('ends with the first of several brokers that cannot start, and says why', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const { code, log } = await run(
      'broker',
      '--count=2',
      `--listen-port=${port}`,
      '--ha-listen-port=0',
      `--store-path-root-dir=${join(directory, 'store')}`,
    );
    holder.close();
    expect(code).toBe(1);
    expect(log).toContain(`cannot listen on 127.0.0.1:${port}: the port is in use`);
    expect(log).toContain('broker-a ended before it served (exit code 1): all end');
    const wrong = await run('broker', '--count=many');
    expect(wrong.code).toBe(1);
    expect(wrong.log).toBe('millrace: --count is "many", not an integer in 1..26\n');
  });

  it('will not open a store another broker has open', async () => {
    const { server, address } = await startNameServer();
    await using _nameServer = server;
    await using _first = await TestProcess.start({
      args: brokerArgs(address),
      ready: /ready in \d+ ms/,
    });
    const [, ...args] = brokerArgs(address);
    const { code, log } = await run(...args);
    expect(code).toBe(1);
    expect(log).toContain(join(directory, 'store'));
  });
});
