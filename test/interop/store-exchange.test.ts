import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { OfficialServers, quickStart } from '../../infra/rocketmq/official-servers.ts';
import {
  Admin,
  type ConsumedMessage,
  type Message,
  Producer,
  PushConsumer,
  type SendResult,
} from '../../mq/index.ts';
import { until } from '../support/deadline.ts';
import { closeOpened, open } from '../support/opened.ts';
import { startOurCluster, type OurCluster } from './support/our-cluster.ts';
import { javaPeer } from './support/peer-kinds.ts';
import { killPeers, Peer, type RunningCommand } from './support/peer.ts';
import { javaClasspath, javaVersions } from './support/toolchain.ts';

const PLAIN = 'PLAIN';
const BATCH = 'BATCH';
const DELAYED = 'DELAYED';
const TOPICS = [PLAIN, BATCH, DELAYED];
/** The group that goes on where the other broker has left it. */
const GROUP = 'moving';
/** Level 5 is still waiting when the broker ends. */
const DELAY_LEVELS = '1s 1s 1s 1s 8s';

/** Both brokers' files must be of one size to be each other's. */
const SIZES = { mappedFileSizeCommitLog: 8_388_608, maxHashSlotNum: 1_000, maxIndexNum: 4_000 };
const SETTINGS = {
  ...SIZES,
  messageDelayLevel: DELAY_LEVELS,
  flushDiskType: 'ASYNC_FLUSH',
  flushConsumerOffsetInterval: 200,
};

/** What a message must look like wherever it is read. */
interface Sent {
  topic: string;
  key: string;
  tag: string;
  body: string;
  msgId: string;
  /** Not of one that was delayed: it has moved since. */
  place?: string;
}

afterEach(async () => {
  killPeers();
  await closeOpened();
});

/** Sends single messages to four queues, a batch, and messages that wait. */
class Writer {
  readonly sent: Sent[] = [];
  readonly #producer: Producer;
  readonly #name: string;

  constructor(namesrvAddr: string, name: string) {
    this.#name = name;
    this.#producer = open(new Producer({ namesrvAddr, producerGroup: 'writers' }));
  }

  async singles(from: number, count: number): Promise<void> {
    for (let number = from; number < from + count; number++) {
      const message = this.#message(PLAIN, number);
      this.#note(message, await this.#producer.send(message));
    }
  }

  async batch(count: number): Promise<void> {
    const messages = Array.from({ length: count }, (_, number) => this.#message(BATCH, number));
    const { messageQueue, queueOffset, msgId } = await this.#producer.sendBatch(messages);
    for (const [index, message] of messages.entries()) {
      const each = {
        messageQueue,
        queueOffset: queueOffset + index,
        msgId: msgId.split(',')[index]!,
      };
      this.#note(message, each);
    }
  }

  async delayed(level: number): Promise<void> {
    const message = { ...this.#message(DELAYED, level), delayTimeLevel: level };
    const { msgId } = await this.#producer.send(message);
    this.#note(message, { msgId });
  }

  #message(topic: string, number: number): Message & { keys: string; tags: string; body: string } {
    return {
      topic,
      keys: `${this.#name}-${topic}-${number}`,
      tags: `T${number % 3}`,
      body: `${this.#name} ${number} ${'ü'.repeat(number % 7 === 0 ? 1_500 : number)}`,
      properties: { origin: this.#name, a: 'b c' },
    };
  }

  #note(
    { topic, keys, tags, body }: Message & { keys: string; tags: string; body: string },
    { msgId, messageQueue, queueOffset }: Partial<SendResult>,
  ): void {
    const place = messageQueue && `${topic}:${messageQueue.queueId}:${queueOffset}`;
    this.sent.push({ topic, key: keys, tag: tags, body, msgId: msgId!, ...(place && { place }) });
  }
}

/** One line a message: what is the same whoever reads it. */
function lineOf({ topic, key, tag, body, msgId, place }: Sent): string {
  const bytes = Buffer.from(body);
  return [key, msgId, topic, place ?? 'moved', tag, bytes.length, crc32(bytes)].join(' ');
}

function javaLine([
  key,
  msgId,
  ,
  topic,
  queueId,
  queueOffset,
  ,
  tag,
  size,
  crc,
]: readonly string[]): string {
  const place = topic === DELAYED ? 'moved' : `${topic}:${queueId}:${queueOffset}`;
  return [key, msgId, topic, place, tag, size, crc].join(' ');
}

function ourLine(message: ConsumedMessage): string {
  const { topic, queueId, queueOffset, keys, tags, msgId } = message;
  const place = topic === DELAYED ? undefined : `${topic}:${queueId}:${queueOffset}`;
  const sent = { topic, key: keys.join(), tag: tags!, body: message.text(), msgId };
  return lineOf({ ...sent, ...(place && { place }) });
}

function sorted(lines: Iterable<string>): string[] {
  return [...new Set(lines)].toSorted();
}

async function consumeInJava(peer: Peer, namesrv: string, group: string, topic: string) {
  return open(await peer.start('consume', { namesrv, group, topic }));
}

async function allInJava(reading: readonly RunningCommand[], count: number): Promise<string[]> {
  const lines = (): string[] =>
    sorted(reading.flatMap(({ command }) => command.all('GOT').map(javaLine)));
  await until(() => lines().length >= count, {
    timeoutMs: 60_000,
    what: `${count} messages`,
  }).catch(
    // What is missing is seen in the comparison.
    () => undefined,
  );
  return lines();
}

/** Everything that a group of ours gets of these topics, until it is `count` messages. */
async function allOfOurs(
  namesrvAddr: string,
  consumerGroup: string,
  topics: readonly string[],
  count: number,
): Promise<string[]> {
  const lines: string[] = [];
  const consumer = new PushConsumer({
    namesrvAddr,
    consumerGroup,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    persistIntervalMs: 200,
  });
  for (const topic of topics) consumer.subscribe(topic);
  consumer.onMessage((message) => void lines.push(ourLine(message)));
  await consumer.start();
  await until(() => lines.length >= count, { timeoutMs: 60_000, what: `${count} messages` }).catch(
    () => undefined,
  );
  await consumer.shutdown();
  return sorted(lines);
}

/** The broker writes the progress of groups now and then. */
async function savedProgress(store: string, count: number): Promise<void> {
  await until(async () => {
    const text = await readFile(join(store, 'config', 'consumerOffset.json'), 'utf8');
    const found = new RegExp(`"${PLAIN}@${GROUP}":\\s*\\{([^}]*)\\}`).exec(text)?.[1] ?? '';
    const offsets = [...found.matchAll(/:\s*(\d+)/g)].map(([, offset]) => Number(offset));
    return offsets.reduce((sum, offset) => sum + offset, 0) === count;
  });
}

async function startOurs(store: string): Promise<OurCluster> {
  return open(
    await startOurCluster({ ...SETTINGS, storePathRootDir: store, brokerName: 'broker-a' }),
  );
}

async function startOfficial(home: string): Promise<OfficialServers> {
  return open(
    await OfficialServers.start({
      classpath: await javaClasspath(javaVersions.newest5),
      home,
      brokerJvmFlags: ['-Xms512m', '-Xmx512m', ...quickStart, '-XX:MaxDirectMemorySize=512m'],
      settings: SETTINGS,
    }),
  );
}

describe.each(['SIGTERM', 'SIGKILL'] as const)('a store whose brokers end with %s', (signal) => {
  it('goes from our broker to the official one and back, with keys, what waits, and the progress of groups', async () => {
    const home = await mkdtemp(join(tmpdir(), 'millrace-exchange-'));
    open({ [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) });
    const store = join(home, 'store');
    const peer = open(await Peer.start(javaPeer(javaVersions.newest5)));

    const ours = await startOurs(store);
    const admin = open(new Admin({ namesrvAddr: ours.namesrvAddr }));
    for (const topic of TOPICS) {
      await admin.createTopic({ topic, readQueueNums: topic === PLAIN ? 4 : 1 });
    }
    const first = new Writer(ours.namesrvAddr, 'ours');
    await first.singles(0, 30);
    await first.batch(12);
    await allOfOurs(ours.namesrvAddr, GROUP, [PLAIN], 30);
    await savedProgress(store, 30);
    await first.singles(30, 10);
    await first.delayed(5);
    await ours.end(signal);

    const official = await startOfficial(home);
    const { namesrvAddr } = official;
    const everything = await Promise.all(
      TOPICS.map((topic) => consumeInJava(peer, namesrvAddr, `all-${topic}`, topic)),
    );
    const moving = await consumeInJava(peer, namesrvAddr, GROUP, PLAIN);
    const firstLines = sorted(first.sent.map(lineOf));
    expect(await allInJava(everything, first.sent.length)).toEqual(firstLines);
    const behind = first.sent.filter(({ topic }) => topic === PLAIN).slice(30);
    expect(await allInJava([moving], 10)).toEqual(sorted(behind.map(lineOf)));
    for (const { key, topic, ...sent } of first.sent.filter((_, index) => index % 5 === 0)) {
      const found = await peer.run('find', { namesrv: namesrvAddr, topic, key });
      expect(found.all('GOT').map(javaLine)).toEqual([lineOf({ key, topic, ...sent })]);
    }

    const second = new Writer(namesrvAddr, 'theirs');
    await second.singles(0, 20);
    await second.batch(8);
    await allInJava([moving], 30);
    await savedProgress(store, 60);
    await moving.stop();
    await second.singles(20, 10);
    await second.delayed(5);
    await official.stop(signal);

    const again = await startOurs(store);
    const all = [...first.sent, ...second.sent];
    expect(await allOfOurs(again.namesrvAddr, 'all-again', TOPICS, all.length)).toEqual(
      sorted(all.map(lineOf)),
    );
    const left = second.sent.filter(({ topic }) => topic === PLAIN).slice(20);
    expect(await allOfOurs(again.namesrvAddr, GROUP, [PLAIN], 10)).toEqual(
      sorted(left.map(lineOf)),
    );
    const finder = open(new Admin({ namesrvAddr: again.namesrvAddr }));
    for (const { key, topic, ...sent } of all.filter((_, index) => index % 5 === 0)) {
      const found = await finder.queryMessages(topic, key);
      expect(found.map(ourLine)).toEqual([lineOf({ key, topic, ...sent })]);
    }
  });
});
