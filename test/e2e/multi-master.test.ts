import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { freePort } from '../../infra/free-port.ts';
import { Admin, Producer, PushConsumer, type ConsumedMessage } from '../../mq/index.ts';
import { until } from '../support/deadline.ts';
import { TestProcess } from '../support/process.ts';

const millrace = resolve(import.meta.dirname, '..', '..', 'mq', 'bin', 'millrace.js');
const STREAMS = 12;
const READY = /ready in \d+ ms/;
/** For everything that takes turns of the clients' own timers: they look for routes every 30 s. */
const PATIENCE_MS = 45_000;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-multi-master-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Senders that each send one message after the other, and what was acknowledged to them. */
class Load {
  readonly acked = new Set<string>();
  readonly failures: string[] = [];
  slowestMs = 0;
  /** How many landed on each broker. */
  readonly landed = new Map<string, number>();
  readonly #producer: Producer;
  readonly #running: Promise<void>[] = [];
  #isStopped = false;

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  start(topic: string): void {
    for (let stream = 0; stream < STREAMS; stream++) this.#running.push(this.#send(topic, stream));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  /** Waits until so many more have landed on a broker. */
  async reaches(brokerName: string, count = 50): Promise<void> {
    const from = this.landed.get(brokerName) ?? 0;
    await until(() => (this.landed.get(brokerName) ?? 0) >= from + count, {
      timeoutMs: PATIENCE_MS,
      what: `${count} more sends to ${brokerName}`,
    });
  }

  async #send(topic: string, stream: number): Promise<void> {
    for (let number = 1; !this.#isStopped; number++) {
      const body = `${stream}:${number}`;
      const startedMs = performance.now();
      try {
        const { messageQueue } = await this.#producer.send({ topic, body });
        this.acked.add(body);
        const { brokerName } = messageQueue;
        this.landed.set(brokerName, (this.landed.get(brokerName) ?? 0) + 1);
      } catch (error) {
        this.failures.push(`${body}: ${String(error)}`);
      }
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
      // Some hundred a second are load enough, and leave the machine to the brokers.
      await new Promise((later) => setTimeout(later, 5));
    }
  }
}

/** What the members of one group got. */
class Seen {
  readonly bodies = new Set<string>();
  /** A message that came for the first time after one that was sent later had come from the same queue. */
  readonly outOfOrder: string[] = [];
  count = 0;
  readonly #last = new Map<string, number>();

  note(message: ConsumedMessage): void {
    this.count++;
    const body = message.text();
    if (this.bodies.has(body)) return;
    this.bodies.add(body);
    const [stream, number] = body.split(':').map(Number);
    const { brokerName, queueId } = message;
    const line = `${brokerName}:${queueId} stream ${stream}`;
    if (number! < (this.#last.get(line) ?? 0)) this.outOfOrder.push(`${line}: ${number}`);
    this.#last.set(line, Math.max(number!, this.#last.get(line) ?? 0));
  }
}

function pidOf(supervisor: number, brokerName: string): number {
  const children = readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8');
  const found = children
    .split(' ')
    .filter(Boolean)
    .find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--broker-name=${brokerName}\0`),
    );
  if (found === undefined) throw new Error(`no process of ${brokerName}`);
  return Number(found);
}

it('two brokers and two name servers lose nothing and stop nobody when any of them is killed', async () => {
  const nameServer = (port: number): Promise<TestProcess> =>
    TestProcess.start({
      args: [millrace, 'nameserver', `--listen-port=${port}`, '--kv-config-path='],
      ready: READY,
    });
  const ports = [await freePort(), await freePort()];
  const namesrvAddr = ports.map((port) => `127.0.0.1:${port}`).join(',');
  await using first = await nameServer(ports[0]!);
  await using second = await nameServer(ports[1]!);
  await using brokers = await TestProcess.start({
    args: [
      millrace,
      'broker',
      '--count=2',
      `--listen-port=${await freePort()}`,
      `--namesrv-addr=${namesrvAddr}`,
      `--store-path-root-dir=${directory}`,
    ],
    ready: /2 brokers, .* ready in/,
  });
  const kill = (brokerName: string): void =>
    void process.kill(pidOf(brokers.pid, brokerName), 'SIGKILL');

  await using admin = new Admin({ namesrvAddr });
  await until(async () => (await admin.clusterInfo()).brokerAddrTable.size === 2, {
    what: 'both brokers',
  });
  await admin.createTopic({ topic: 'T', readQueueNums: 4 });
  await using producer = new Producer({
    namesrvAddr,
    producerGroup: 'P',
    // The promise: one retry is enough while one broker lives.
    retryTimesWhenSendFailed: 1,
    sendTimeoutMs: 10_000,
  });
  const orderly = new Seen();
  const concurrent = new Seen();
  const consumers = [orderly, orderly, concurrent].map((seen, index) => {
    const consumer = new PushConsumer({
      namesrvAddr,
      consumerGroup: seen === orderly ? 'Orderly' : 'Concurrent',
      instanceName: `c${index}`,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    }).subscribe('T');
    const listener = (message: ConsumedMessage): void => seen.note(message);
    return seen === orderly ? consumer.onMessageOrderly(listener) : consumer.onMessage(listener);
  });
  await using _closing = {
    async [Symbol.asyncDispose]() {
      await Promise.all(consumers.map((consumer) => consumer.shutdown()));
    },
  };
  for (const consumer of consumers) await consumer.start();
  const load = new Load(producer);
  load.start('T');
  await load.reaches('broker-a');
  await load.reaches('broker-b');

  const startedMs = performance.now();
  kill('broker-a');
  await load.reaches('broker-b');
  // It is started again by itself.
  await load.reaches('broker-a');

  await Promise.all([first.kill(), second.kill()]);
  await load.reaches('broker-a');
  await load.reaches('broker-b');
  kill('broker-b');
  await load.reaches('broker-a');
  await load.reaches('broker-b');

  // One name server comes back and knows nobody: the brokers find it, and what is new is found by it.
  await second.restart();
  await until(async () => (await admin.clusterInfo()).brokerAddrTable.size === 2, {
    timeoutMs: PATIENCE_MS,
    what: 'both brokers at the name server that has come back',
  });
  await admin.createTopic({ topic: 'New', readQueueNums: 1 });
  await producer.send({ topic: 'New', body: 'new' });
  await load.stop();
  const killsMs = performance.now() - startedMs;
  await until(() => [orderly, concurrent].every(({ bodies }) => isAll(load.acked, bodies)), {
    timeoutMs: PATIENCE_MS,
    what: 'the consumption of all that was acknowledged',
  });

  const counts = [...load.landed].map(([name, count]) => `${name} ${count}`).join(', ');
  process.stderr.write(
    `acknowledged ${load.acked.size} (${counts}), failed sends ${load.failures.length}, ` +
      `slowest send ${Math.round(load.slowestMs)} ms; ` +
      `in order: ${orderly.count} deliveries of ${orderly.bodies.size}, concurrently: ${concurrent.count} of ` +
      `${concurrent.bodies.size}; kills and returns took ${(killsMs / 1000).toFixed(1)} s\n`,
  );
  expect(load.failures).toEqual([]);
  expect(orderly.outOfOrder).toEqual([]);
  expect(load.acked.size).toBeGreaterThan(400);
}, 180_000);

function isAll(wanted: ReadonlySet<string>, got: ReadonlySet<string>): boolean {
  for (const each of wanted) if (!got.has(each)) return false;
  return true;
}
