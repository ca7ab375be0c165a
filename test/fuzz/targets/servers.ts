import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { Broker } from '../../../mq/broker/broker.ts';
import { brokerConfig } from '../../../mq/broker/config.ts';
import { MqError } from '../../../mq/errors.ts';
import { nameServerConfig } from '../../../mq/namesrv/config.ts';
import { NameServer } from '../../../mq/namesrv/name-server.ts';
import {
  decodeFrame,
  encodeFrame,
  requestCommand,
  type ExtFields,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { sendMessage } from '../../../mq/protocol/requests/send-message.ts';
import { updateAndCreateTopic } from '../../../mq/protocol/requests/update-and-create-topic.ts';
import { capturedFrames } from '../../support/captured-frames.ts';
import { mutated, pick } from '../mutation.ts';
import type { Target } from '../target.ts';
import { RawConnection } from './raw-connection.ts';

/** Requests that a server may hold for as long as the peer asked it to. */
const mayBeHeld: ReadonlySet<number> = new Set(
  [
    'PULL_MESSAGE',
    'LITE_PULL_MESSAGE',
    'POP_MESSAGE',
    'NOTIFICATION',
    'POLLING_INFO',
    'SEND_REPLY_MESSAGE',
    'SEND_REPLY_MESSAGE_V2',
    'GET_CONSUMER_RUNNING_INFO',
    'CONSUME_MESSAGE_DIRECTLY',
    'INVOKE_BROKER_TO_GET_CONSUMER_STATUS',
    'INVOKE_BROKER_TO_RESET_OFFSET',
  ].flatMap((name) => (RequestCode as Readonly<Record<string, number>>)[name] ?? []),
);
const ANSWER_TIMEOUT_MS = 30_000;
const REQUESTS_A_SERVER = 3_000;

interface Server extends AsyncDisposable {
  readonly address: string;
  /** Throws when it does not serve as it should after all that. */
  assertWell(connection: RawConnection): Promise<void>;
}

const words = [
  '-1',
  '0',
  '9223372036854775807',
  '2147483647',
  '%RETRY%',
  '%DLQ%',
  '../../x',
  'true',
  'null',
  '\u0001',
  '\u0002',
  'SQL92',
  '||',
  '*',
  'a > 1 AND (',
  'TIMER_DELAY_MS\u00011\u0002',
  'DELAY\u000118\u0002',
  'TRAN_MSG\u0001true\u0002',
  'KEYS\u0001k\u0002',
];
const material = {
  inputs: capturedFrames()
    .filter(({ kind, sender }) => kind === 'request' && sender === 'client')
    .map(({ bytes }) => bytes),
  words: words.map((word) => Buffer.from(word)),
};

/** A real server on a real socket: every request has one answer, whatever is in it, and the server stays well. */
function liveServer(name: string, start: () => Promise<Server>): Target {
  let running: Promise<Server> | undefined;
  let connection: RawConnection | undefined;
  let served = 0;
  const rest = async (): Promise<void> => {
    const server = await running;
    if (server === undefined) return;

    if (connection === undefined || connection.isClosed) {
      connection = await RawConnection.open(server.address);
    }
    await server.assertWell(connection);
    connection.close();
    running = undefined;
    connection = undefined;
    served = 0;
    await server[Symbol.asyncDispose]();
  };
  return {
    name,
    material,
    rest,
    async check(input) {
      running ??= start();
      const server = await running;
      if (connection === undefined || connection.isClosed) {
        connection = await RawConnection.open(server.address);
      }
      const outcome = await exchange(connection, input);
      // A store that only grows would be a test of the disk.
      if (++served >= REQUESTS_A_SERVER) await rest();
      return outcome;
    },
  };
}

async function exchange(connection: RawConnection, input: Buffer): Promise<string> {
  const request = requestIn(input);
  if (request === undefined) {
    connection.write(input);
    connection.close();
    return 'no frame';
  }
  const isOneway = (request.flag & 2) !== 0;
  if (isOneway || (request.flag & 1) !== 0 || mayBeHeld.has(request.code)) {
    connection.write(encodeFrame(request));
    return `unanswered ${request.code}`;
  }
  const answer = await connection.request(request, ANSWER_TIMEOUT_MS);
  // Cut off as a whole, for a frame that is over a limit.
  if (answer === undefined) return `closed ${request.code}`;
  assert.ok(
    (answer.remark?.length ?? 0) <= 8_192,
    `a remark of ${answer.remark?.length} characters`,
  );
  return `${request.code} ${answer.code}`;
}

/** A request whose fields and body are rubbish, or undefined when the bytes are not even a frame. */
function requestIn(input: Buffer): RemotingCommand | undefined {
  try {
    return decodeFrame(input);
  } catch (error) {
    if (!MqError.is(error)) throw error;
    return changedRequest(input);
  }
}

/** Most changed frames do not decode: instead, one that does has a field and its body changed by them. */
function changedRequest(input: Buffer): RemotingCommand | undefined {
  const random = new SeededRandom(input.length);
  if (random.chance(0.1)) return undefined;
  const request = decodeFrame(pick(material.inputs, random));
  const rubbish = (text: string): string =>
    mutated(random, { inputs: [Buffer.from(text), input.subarray(0, 64)], words: material.words })
      .toString('utf8')
      .slice(0, 30_000);
  const fields = { ...request.extFields };
  for (const name of Object.keys(fields)) {
    if (random.chance(0.25)) fields[name] = rubbish(fields[name]!);
  }
  const body =
    request.body !== undefined && random.chance(0.5)
      ? mutated(random, { inputs: [request.body, input], words: material.words })
      : request.body;
  return requestCommand({ code: request.code, extFields: fields, body });
}

/** No fuzzed request names it: it is in no material. */
const CANARY = 'Last_message_of_a_fuzzed_broker';

async function assertDone(
  connection: RawConnection,
  code: number,
  extFields: ExtFields | undefined,
  body?: Buffer,
): Promise<void> {
  const reply = await connection.request(
    requestCommand({ code, extFields, body }),
    ANSWER_TIMEOUT_MS,
  );
  assert.equal(reply?.code, 0, `${code} is answered ${reply?.code}: ${reply?.remark}`);
}

export const liveBroker = liveServer('live broker', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-fuzz-'));
  const config = brokerConfig({
    listenPort: 0,
    storePathRootDir: directory,
    flushDiskType: 'ASYNC_FLUSH',
    mappedFileSizeCommitLog: 64 * 1024 * 1024,
    autoCreateTopicEnable: true,
    diskSpaceWarningLevelRatio: 100,
  });
  let broker = await Broker.start(config);
  return {
    get address() {
      return broker.address;
    },
    async assertWell(connection) {
      const topic = updateAndCreateTopic.encodeRequest({
        topic: CANARY,
        defaultTopic: 'TBW102',
        readQueueNums: 1,
        writeQueueNums: 1,
        perm: 6,
        topicFilterType: 'SINGLE_TAG',
        order: false,
      });
      await assertDone(connection, updateAndCreateTopic.code, topic);
      const message = sendMessage.encodeRequest({
        producerGroup: 'fuzz',
        topic: CANARY,
        defaultTopic: 'TBW102',
        defaultTopicQueueNums: 1,
        queueId: 0,
        sysFlag: 0,
        bornTimestamp: 0,
        flag: 0,
      });
      await assertDone(connection, sendMessage.code, message, Buffer.from('alive'));
      // Whatever was stored must be readable by the next run as well.
      await broker.close();
      broker = await Broker.start(config);
      const range = { topic: CANARY, queueId: 0, queueOffset: 0, maxCount: 1, maxBytes: 1024 };
      const { count } = await broker.context.store.get(range);
      assert.equal(count, 1, 'the last message is there after a restart');
    },
    async [Symbol.asyncDispose]() {
      await broker.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
});

export const liveNameServer = liveServer('live name server', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-fuzz-'));
  const server = await NameServer.start(
    nameServerConfig({ listenPort: 0, kvConfigPath: join(directory, 'kvConfig.json') }),
  );
  return {
    address: server.address,
    async assertWell(connection) {
      const reply = await connection.request(
        requestCommand({ code: RequestCode.GET_BROKER_CLUSTER_INFO }),
        ANSWER_TIMEOUT_MS,
      );
      assert.equal(reply?.code, 0, 'answers which clusters there are');
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
});
