import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestOf } from '../../mq/protocol/define-request.ts';
import { requestCommand, type ExtFields, type RemotingCommand } from '../../mq/protocol/frame.ts';
import { decodeRecords } from '../../mq/protocol/message.ts';
import { pullMessage } from '../../mq/protocol/requests/pull-message.ts';
import { sendMessage } from '../../mq/protocol/requests/send-message.ts';
import { updateAndCreateTopic } from '../../mq/protocol/requests/update-and-create-topic.ts';
import { ResponseCode } from '../../mq/protocol/response-code.ts';
import { PullSysFlag } from '../../mq/protocol/sys-flag.ts';
import { RemotingClient } from '../../mq/remoting/remoting-client.ts';
import { TestProcess } from '../support/process.ts';
import { SeededRandom } from '../../infra/seeded-random.ts';

const millrace = resolve(import.meta.dirname, '..', '..', 'mq', 'dist', 'cli', 'main.js');
const QUEUE_COUNT = 4;
const SENDER_COUNT = 32;
const KILL_COUNT = 3;

/** Small files, so that kills fall on their borders too. */
const SIZES = [
  '--max-message-size=32768',
  '--mapped-file-size-commit-log=131072',
  '--mapped-file-size-consume-queue=2000',
];

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-kill-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** One life of the broker, as its clients see it. */
class BrokerLife {
  readonly #client = new RemotingClient();
  readonly #address: string;

  constructor(address: string) {
    this.#address = address;
  }

  request(code: number, extFields: ExtFields | undefined, body?: Buffer): Promise<RemotingCommand> {
    const command = requestCommand({ code, extFields, body });
    return this.#client.request(this.#address, command, { timeoutMs: 10_000 });
  }

  async send(queueId: number, body: Buffer): Promise<string> {
    const header: RequestOf<typeof sendMessage> = {
      producerGroup: 'pg',
      topic: 'TopicA',
      defaultTopic: 'TBW102',
      defaultTopicQueueNums: 4,
      queueId,
      sysFlag: 0,
      bornTimestamp: 0,
      flag: 0,
    };
    const reply = await this.request(sendMessage.code, sendMessage.encodeRequest(header), body);
    if (reply.code !== ResponseCode.SUCCESS) throw new Error(reply.remark);
    return `${queueId}:${sendMessage.decodeResponse(reply.extFields).queueOffset}`;
  }

  /** Where each message is, by the number its body begins with. */
  async everything(): Promise<Map<number, string[]>> {
    const places = new Map<number, string[]>();
    for (let queueId = 0; queueId < QUEUE_COUNT; queueId++) {
      for (let queueOffset = 0; ;) {
        const reply = await this.#pull(queueId, queueOffset);
        if (reply.code !== ResponseCode.SUCCESS) break;
        for (const message of decodeRecords(reply.body!)) {
          const number = Number.parseInt(message.body.toString('latin1', 0, 12), 10);
          places.set(number, [...(places.get(number) ?? []), `${queueId}:${queueOffset++}`]);
        }
      }
    }
    return places;
  }

  #pull(queueId: number, queueOffset: number): Promise<RemotingCommand> {
    return this.request(
      pullMessage.code,
      pullMessage.encodeRequest({
        consumerGroup: 'cg',
        topic: 'TopicA',
        queueId,
        queueOffset,
        maxMsgNums: 32,
        sysFlag: PullSysFlag.SUBSCRIPTION,
        commitOffset: 0,
        suspendTimeoutMillis: 0,
        subscription: '*',
        subVersion: 0,
      }),
    );
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

describe.each(['SYNC_FLUSH', 'ASYNC_FLUSH'])('a broker under %s', (flushDiskType) => {
  it('has every acknowledged message once, where it said, after kill -9 under load', async () => {
    const seed = Date.now() % 1_000_000;
    const random = new SeededRandom(seed);
    const acknowledged = new Map<number, string>();
    let lastNumber = 0;
    const ready = /broker .*? on ([\d.]+:\d+)/;
    await using broker = await TestProcess.start({
      args: [
        millrace,
        'broker',
        '--listen-port=0',
        `--flush-disk-type=${flushDiskType}`,
        `--store-path-root-dir=${directory}`,
        ...SIZES,
      ],
      ready: /ready in \d+ ms/,
    });
    const life = async (): Promise<BrokerLife> => {
      const addresses = [...(await broker.stdout()).matchAll(new RegExp(ready, 'g'))];
      return new BrokerLife(addresses.at(-1)![1]!);
    };

    const first = await life();
    const topic = { topic: 'TopicA', readQueueNums: QUEUE_COUNT, writeQueueNums: QUEUE_COUNT };
    await first.request(
      updateAndCreateTopic.code,
      updateAndCreateTopic.encodeRequest({ ...topic, perm: 6 }),
    );
    await first.close();

    for (let kill = 0; kill < KILL_COUNT; kill++) {
      const served = await life();
      const killAt = acknowledged.size + 200 + random.below(1000);
      let ended: Promise<unknown> | undefined;
      const sendUntilKilled = async (): Promise<void> => {
        for (;;) {
          const number = ++lastNumber;
          const filler = 'x'.repeat(random.below(random.chance(0.05) ? 20_000 : 300));
          const body = Buffer.from(`${number} ${filler}`);
          acknowledged.set(number, await served.send(number % QUEUE_COUNT, body));
          if (acknowledged.size >= killAt) ended ??= broker.kill();
        }
      };
      // Each ends with the error that the kill gives it.
      await Promise.allSettled(Array.from({ length: SENDER_COUNT }, sendUntilKilled));
      await ended;
      await served.close();
      await broker.restart();
    }

    const served = await life();
    const stored = await served.everything();
    await served.close();
    const wrong = [...acknowledged].filter(
      ([number, place]) => stored.get(number)?.join() !== place,
    );
    const twice = [...stored].filter(([, places]) => places.length > 1);
    expect({ seed, wrong, twice }).toEqual({ seed, wrong: [], twice: [] });
    expect(acknowledged.size).toBeGreaterThanOrEqual(KILL_COUNT * 200);
  });
});
