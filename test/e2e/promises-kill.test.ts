import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { clientSettings } from '../../mq/client/client-options.ts';
import { MqClient } from '../../mq/client/mq-client.ts';
import { readQueue } from '../../mq/client/queue-reader.ts';
import {
  Admin,
  Producer,
  PushConsumer,
  TransactionProducer,
  type ConsumedMessage,
  type ConsumeResult,
  type LocalTransactionState,
  type MessageExt,
} from '../../mq/index.ts';
import { startNameServer } from '../../mq/server.ts';
import { until } from '../support/deadline.ts';
import { closeOpened, open } from '../support/opened.ts';
import { TestProcess } from '../support/process.ts';
import { SeededRandom } from '../../infra/seeded-random.ts';

const millrace = resolve(import.meta.dirname, '..', '..', 'mq', 'dist', 'cli', 'main.js');
const KILL_COUNT = 5;
const SENDERS = 4;
const MAX_DELAY_MS = 3_000;
const BEFORE_A_KILL = { least: 40, spread: 250 };
/** Longer than every wait of the broker and the clients that is left when the last load has ended. */
const SETTLING_MS = 30_000;

/** Small files, so that kills fall on their borders too; short waits, so that a test can see their end. */
const SETTINGS = [
  '--flush-disk-type=ASYNC_FLUSH',
  '--max-message-size=32768',
  '--mapped-file-size-commit-log=131072',
  '--mapped-file-size-consume-queue=2000',
  '--message-delay-level=1s 1s 1s 1s 1s',
  '--transaction-check-interval=500',
  '--transaction-time-out=500',
  '--auto-create-topic-enable=true',
];

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-promises-'));
});
afterEach(async () => {
  await closeOpened();
  await rm(directory, { recursive: true, force: true });
});

/** Free now; the broker has to come back at the address its clients know. */
async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, 'close');
  return port;
}

/** Half messages, each with a row in a "database" that says how its local transaction ended. */
class Transactions {
  readonly rows = new Map<string, LocalTransactionState>();
  readonly #producer: TransactionProducer;
  readonly #random: SeededRandom;
  #last = 0;

  constructor(namesrvAddr: string, random: SeededRandom) {
    this.#random = random;
    this.#producer = open(
      new TransactionProducer({
        namesrvAddr,
        producerGroup: 'tx',
        sendTimeoutMs: 1_000,
        retryTimesWhenSendFailed: 0,
        // Without a row the local transaction never ran.
        checkLocalTransaction: (message) => this.rows.get(message.text()) ?? 'ROLLBACK_MESSAGE',
      }),
    );
  }

  async send(): Promise<void> {
    const id = `tx-${++this.#last}`;
    const row = this.#random.chance(0.6) ? 'COMMIT_MESSAGE' : 'ROLLBACK_MESSAGE';
    const isTold = this.#random.chance(0.7);
    await this.#producer.sendMessageInTransaction({ topic: 'TX', body: id }, () => {
      this.rows.set(id, row);
      return isTold ? row : 'UNKNOW';
    });
  }

  get committed(): string[] {
    return [...this.rows].filter(([, row]) => row === 'COMMIT_MESSAGE').map(([id]) => id);
  }
}

/** Messages for a moment up to three seconds away. */
class Timers {
  /** By id, ms since epoch: before this nobody may see it. Also of sends whose answer did not come. */
  readonly dueMs = new Map<string, number>();
  readonly acknowledged = new Set<string>();
  readonly #producer: Producer;
  readonly #random: SeededRandom;
  #last = 0;

  constructor(producer: Producer, random: SeededRandom) {
    this.#producer = producer;
    this.#random = random;
  }

  async send(): Promise<void> {
    const id = `timer-${++this.#last}`;
    const delayMs = this.#random.below(MAX_DELAY_MS);
    const nowMs = Date.now();
    this.dueMs.set(id, nowMs + delayMs);
    await this.#producer.send({
      topic: 'TIMED',
      body: id,
      ...(this.#random.chance(0.5) ? { delayTimeMs: delayMs } : { deliverTimeMs: nowMs + delayMs }),
    });
    this.acknowledged.add(id);
  }
}

/** Messages whose listener fails: once, for ever, or beyond hope, by the kind their id names. */
class Work {
  readonly acknowledged = new Map<string, string>();
  readonly consumed = new Set<string>();
  readonly #producer: Producer;
  readonly #random: SeededRandom;
  #last = 0;

  constructor(namesrvAddr: string, producer: Producer, random: SeededRandom) {
    this.#producer = producer;
    this.#random = random;
    this.consumer = new PushConsumer({
      namesrvAddr,
      consumerGroup: 'workers',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      persistIntervalMs: 500,
    })
      .subscribe('WORK')
      .onMessage((message) => this.#work(message));
    open(this.consumer);
  }

  readonly consumer: PushConsumer;

  async send(): Promise<void> {
    const kind = ['well', 'once', 'always', 'hopeless'][this.#random.below(4)]!;
    const id = `${kind}-${++this.#last}`;
    await this.#producer.send({ topic: 'WORK', body: id, maxReconsumeTimes: 2 });
    this.acknowledged.set(id, kind);
  }

  of(...kinds: string[]): string[] {
    return [...this.acknowledged].filter(([, kind]) => kinds.includes(kind)).map(([id]) => id);
  }

  #work(message: ConsumedMessage): ConsumeResult | undefined {
    const [kind] = message.text().split('-');
    if (kind === 'always') throw new Error('no');
    if (kind === 'hopeless') return { status: 'RECONSUME_LATER', delayTimeLevel: -1 };
    if (kind === 'once' && message.reconsumeTimes === 0) return 'RECONSUME_LATER';
    this.consumed.add(message.text());
    return undefined;
  }
}

/** Every record of a topic as it lies in its queues, by the id in its body. */
async function recordsById(
  admin: Admin,
  client: MqClient,
  address: string,
  topic: string,
): Promise<Map<string, MessageExt[]>> {
  const found = new Map<string, MessageExt[]>();
  if ((await admin.topicRoute(topic)) === undefined) return found;
  for (const queue of await admin.queues(topic)) {
    const stretch = { address, queue, from: 0, to: await admin.maxOffset(queue) };
    for await (const page of readQueue(client, stretch)) {
      for (const record of page) {
        const id = record.body.toString();
        found.set(id, [...(found.get(id) ?? []), record]);
      }
    }
  }
  return found;
}

it('keeps the promises of transactions, timers and retries through kill -9 under load', async () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  const nameServer = await startNameServer({ listenPort: 0, kvConfigPath: '' });
  open({ [Symbol.asyncDispose]: () => nameServer.close() });
  const namesrvAddr = nameServer.address;
  const port = await freePort();
  const brokerAddr = `127.0.0.1:${port}`;
  const broker = open(
    await TestProcess.start({
      args: [
        millrace,
        'broker',
        `--listen-port=${port}`,
        `--namesrv-addr=${namesrvAddr}`,
        `--store-path-root-dir=${directory}`,
        ...SETTINGS,
      ],
      ready: /ready in \d+ ms/,
    }),
  );
  const admin = open(new Admin({ namesrvAddr }));
  const client = new MqClient(clientSettings({ namesrvAddr }));
  open({ [Symbol.asyncDispose]: () => client.close() });
  await until(async () => (await admin.clusterInfo()).brokerAddrTable.size === 1);
  for (const topic of ['TX', 'TIMED', 'WORK']) await admin.createTopic({ topic, readQueueNums: 2 });

  const producer = open(
    new Producer({
      namesrvAddr,
      producerGroup: 'p',
      sendTimeoutMs: 1_000,
      retryTimesWhenSendFailed: 0,
    }),
  );
  const transactions = new Transactions(namesrvAddr, random);
  const timers = new Timers(producer, random);
  const work = new Work(namesrvAddr, producer, random);
  await work.consumer.start();

  let sentCount = 0;
  for (let kill = 0; kill < KILL_COUNT; kill++) {
    const killAt = sentCount + BEFORE_A_KILL.least + random.below(BEFORE_A_KILL.spread);
    let ended: Promise<unknown> | undefined;
    const sendUntilKilled = async (load: { send(): Promise<void> }): Promise<void> => {
      while (ended === undefined) {
        await load.send();
        if (++sentCount >= killAt) ended ??= broker.kill();
      }
    };
    const loads = [transactions, timers, work].flatMap((load) => Array(SENDERS).fill(load));
    // Each ends with the error that the kill gives it.
    await Promise.allSettled(loads.map(sendUntilKilled));
    await ended;
    // Some timers fall due while there is no broker.
    await broker.restart();
    await until(async () => (await admin.clusterInfo()).brokerAddrTable.size === 1);
  }

  const read = (topic: string) => recordsById(admin, client, brokerAddr, topic);
  const missing = async (): Promise<string[]> => {
    const [visible, delivered, dead] = await Promise.all([
      read('TX'),
      read('TIMED'),
      read('%DLQ%workers'),
    ]);
    return [
      ...transactions.committed.filter((id) => !visible.has(id)),
      ...[...timers.acknowledged].filter((id) => !delivered.has(id)),
      ...work.of('well', 'once').filter((id) => !work.consumed.has(id)),
      ...work.of('always', 'hopeless').filter((id) => !dead.has(id)),
    ];
  };
  const lastMissing = await until(async () => ((await missing()).length === 0 ? [] : undefined), {
    timeoutMs: SETTLING_MS,
    pollMs: 200,
    what: 'every promise kept',
  }).catch(async () => await missing());
  expect({ seed, missing: lastMissing }).toEqual({ seed, missing: [] });

  // What is still undecided could yet become visible, or be committed a second time.
  const unsettled = async (): Promise<number[]> => {
    const halves = [...(await read('RMQ_SYS_TRANS_HALF_TOPIC')).values()].flat();
    const ops = [...(await read('RMQ_SYS_TRANS_OP_HALF_TOPIC')).keys()];
    const settled = new Set(ops.flatMap((body) => body.split(',').map(Number)));
    return halves.map(({ queueOffset }) => queueOffset).filter((offset) => !settled.has(offset));
  };
  await until(async () => (await unsettled()).length === 0, {
    timeoutMs: SETTLING_MS,
    pollMs: 200,
    what: `every half message is settled, seed ${seed}`,
  });

  const visible = await read('TX');
  const delivered = await read('TIMED');
  const dead = await read('%DLQ%workers');
  const wrong = {
    seed,
    visibleThoughNotCommitted: [...visible.keys()].filter(
      (id) => transactions.rows.get(id) !== 'COMMIT_MESSAGE',
    ),
    committedTwice: [...visible].filter(([, records]) => records.length > 1).map(([id]) => id),
    early: [...delivered]
      .filter(([id, records]) =>
        records.some(({ storeTimestamp }) => storeTimestamp < timers.dueMs.get(id)!),
      )
      .map(([id]) => id),
    deadThoughConsumable: [...dead.keys()].filter((id) => /^(?:well|once)-/.test(id)),
    wrongCount: [...dead].flatMap(([id, records]) =>
      records
        .filter(({ reconsumeTimes }) => reconsumeTimes !== (id.startsWith('always') ? 3 : 1))
        .map(({ reconsumeTimes }) => `${id}: ${reconsumeTimes}`),
    ),
  };
  expect(wrong).toEqual({
    seed,
    visibleThoughNotCommitted: [],
    committedTwice: [],
    early: [],
    deadThoughConsumable: [],
    wrongCount: [],
  });
  expect(transactions.committed.length).toBeGreaterThan(10);
});
