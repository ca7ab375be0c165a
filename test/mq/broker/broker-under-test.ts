import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Broker } from '../../../mq/broker/broker.ts';
import { brokerConfig, type BrokerConfig } from '../../../mq/broker/config.ts';
import type { Clock } from '../../../mq/clock.ts';
import type { Logger } from '../../../mq/logger.ts';
import {
  asOneway,
  requestCommand,
  type ExtFields,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { decodeRecords, type MessageExt } from '../../../mq/protocol/message.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';
import { sendMessage } from '../../../mq/protocol/requests/send-message.ts';
import { sendMessageV2 } from '../../../mq/protocol/requests/send-message-v2.ts';
import type { RequestOf, ResponseOf } from '../../../mq/protocol/define-request.ts';
import { RemotingClient } from '../../../mq/remoting/remoting-client.ts';
import type { Files } from '../../../mq/store/files.ts';

export interface BrokerUnderTestOptions {
  readonly config?: Partial<BrokerConfig>;
  readonly clock?: Clock;
  readonly files?: Files;
  readonly logger?: Logger;
  /** Left out: a directory of its own, removed at the end. */
  readonly storeDir?: string;
}

export type SendFields = Partial<Omit<RequestOf<typeof sendMessage>, 'properties'>> & {
  readonly topic: string;
  readonly body?: Buffer | string;
  readonly properties?: Readonly<Record<string, string>>;
  /** MQVersion ordinal the client claims. */
  readonly version?: number;
};

const TIMEOUT_MS = 10_000;

/** A broker in this process, in a temporary directory, spoken to in frames over a real socket. */
export class BrokerUnderTest {
  readonly storeDir: string;
  readonly client = new RemotingClient();
  readonly #ownsDir: boolean;
  readonly #options: BrokerUnderTestOptions;
  #broker: Broker | undefined;

  private constructor(options: BrokerUnderTestOptions, storeDir: string) {
    this.#options = options;
    this.#ownsDir = options.storeDir === undefined;
    this.storeDir = storeDir;
  }

  static async start(options: BrokerUnderTestOptions = {}): Promise<BrokerUnderTest> {
    const storeDir =
      options.storeDir ?? (await mkdtemp(path.join(os.tmpdir(), 'millrace-broker-test-')));
    const running = new BrokerUnderTest(options, storeDir);
    await running.restart();
    return running;
  }

  get broker(): Broker {
    if (this.#broker === undefined) throw new Error('the broker under test is not running');
    return this.#broker;
  }

  /** Stops the broker in good order, if it runs, and starts one with other settings on the same directory. */
  async restart(config: Partial<BrokerConfig> = {}): Promise<void> {
    await this.stop();
    const { clock, files, logger } = this.#options;
    this.#broker = await Broker.start(
      brokerConfig({
        listenPort: 0,
        storePathRootDir: this.storeDir,
        // Small files: a test must not ask the disk for gigabytes, sparse or not.
        mappedFileSizeCommitLog: 8 * 1024 * 1024,
        flushDiskType: 'ASYNC_FLUSH',
        ...this.#options.config,
        ...config,
      }),
      {
        ...(clock === undefined ? {} : { clock }),
        ...(files === undefined ? {} : { files }),
        ...(logger === undefined ? {} : { logger }),
      },
    );
  }

  async stop(): Promise<void> {
    await this.#broker?.close();
    this.#broker = undefined;
  }

  request(
    code: number,
    extFields?: ExtFields,
    options: { body?: Buffer; version?: number } = {},
  ): Promise<RemotingCommand> {
    const command = requestCommand({ code, extFields, body: options.body });
    if (options.version !== undefined) command.version = options.version;
    return this.client.request(this.broker.address, command, { timeoutMs: TIMEOUT_MS });
  }

  /** A SEND_MESSAGE_V2. */
  send(fields: SendFields): Promise<RemotingCommand> {
    return this.request(sendMessageV2.code, sendMessageV2.encodeRequest(sendHeader(fields)), {
      body: Buffer.from(fields.body ?? 'hello'),
      ...(fields.version === undefined ? {} : { version: fields.version }),
    });
  }

  /** A SEND_MESSAGE with the long names, as Go sends. */
  sendV1(fields: SendFields): Promise<RemotingCommand> {
    return this.request(sendMessage.code, sendMessage.encodeRequest(sendHeader(fields)), {
      body: Buffer.from(fields.body ?? 'hello'),
    });
  }

  async sendOneway(fields: SendFields): Promise<void> {
    const command = requestCommand({
      code: sendMessageV2.code,
      extFields: sendMessageV2.encodeRequest(sendHeader(fields)),
      body: Buffer.from(fields.body ?? 'hello'),
    });
    await this.client.oneway(this.broker.address, asOneway(command));
  }

  /** What a consumer of this queue would be given, from its beginning. */
  async messages(topic: string, queueId = 0): Promise<MessageExt[]> {
    const { store } = this.broker;
    const found = await store.get({
      topic,
      queueId,
      queueOffset: store.minOffset(topic, queueId),
      maxCount: 1000,
      maxBytes: 16 * 1024 * 1024,
    });
    return decodeRecords(Buffer.concat(found.buffers));
  }

  async createTopic(topic: string, queueNums = 1): Promise<void> {
    await this.broker.context.topics.update({
      topicName: topic,
      readQueueNums: queueNums,
      writeQueueNums: queueNums,
      perm: 6,
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: 0,
      order: false,
      attributes: {},
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.stop();
    if (this.#ownsDir) await rm(this.storeDir, { recursive: true, force: true });
  }
}

export function sendReply(reply: RemotingCommand): ResponseOf<typeof sendMessage> {
  return sendMessage.decodeResponse(reply.extFields);
}

export function sendHeader(fields: SendFields): RequestOf<typeof sendMessage> {
  const { body: _body, properties, version: _version, ...header } = fields;
  return {
    producerGroup: 'pg',
    defaultTopic: 'TBW102',
    defaultTopicQueueNums: 4,
    queueId: 0,
    sysFlag: 0,
    bornTimestamp: 1_795_171_183_438,
    flag: 0,
    properties: encodeProperties(new Map(Object.entries(properties ?? {}))),
    ...header,
  };
}
