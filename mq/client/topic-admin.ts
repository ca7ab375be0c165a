import { MqError } from '../errors.ts';
import { assertTopicName, SystemTopic } from '../protocol/names.ts';
import { addWritePermOfBroker } from '../protocol/requests/add-write-perm-of-broker.ts';
import { deleteTopicInBroker } from '../protocol/requests/delete-topic-in-broker.ts';
import { deleteTopicInNamesrv } from '../protocol/requests/delete-topic-in-namesrv.ts';
import { getAllTopicConfig } from '../protocol/requests/get-all-topic-config.ts';
import { getAllTopicListFromNameserver } from '../protocol/requests/get-all-topic-list-from-nameserver.ts';
import { getTopicConfig } from '../protocol/requests/get-topic-config.ts';
import { getTopicsByCluster } from '../protocol/requests/get-topics-by-cluster.ts';
import { updateAndCreateTopic } from '../protocol/requests/update-and-create-topic.ts';
import { wipeWritePermOfBroker } from '../protocol/requests/wipe-write-perm-of-broker.ts';
import { Permission } from '../protocol/sys-flag.ts';
import {
  decodeTopicConfig,
  decodeTopicConfigTable,
  type TopicConfig,
} from '../protocol/topic-config.ts';
import { decodeTopicList } from '../protocol/topic-list.ts';
import { wholeNumber } from './client-options.ts';
import type { BrokerAddress, ClusterView } from './cluster-view.ts';
import type { MqClient } from './mq-client.ts';

/** Which brokers a call is about. Default: the masters of every cluster the name servers know. */
export interface TopicBrokers {
  cluster?: string;
  brokerName?: string;
  /** Goes before the other two; needs no name server. */
  brokerAddr?: string;
}

export interface TopicSettings {
  /** How many queues consumers share out. At least writeQueueNums, or some messages would be read by nobody. */
  readQueueNums?: number;
  /** How many queues producers write to; they see a change within 30 s. */
  writeQueueNums?: number;
  /** Bits: 4 read, 2 write. Producers and consumers go by it. */
  perm?: number;
}

export interface CreateTopicOptions extends TopicBrokers, TopicSettings {
  topic: string;
}

export interface UpdateTopicOptions extends TopicBrokers, TopicSettings {
  topic: string;
}

/** A topic's settings on one broker; nothing keeps the brokers of a cluster from differing. */
export interface BrokerTopicConfig extends TopicConfig {
  readonly brokerName: string;
}

const READ_WRITE = Permission.READ | Permission.WRITE;
const DEFAULT_QUEUE_NUMS = 8;
const EVERY_PERMISSION = READ_WRITE | Permission.INHERIT;

/** What an Admin does about topics. */
export class TopicAdmin {
  readonly #client: MqClient;
  readonly #cluster: ClusterView;

  constructor(client: MqClient, cluster: ClusterView) {
    this.#client = client;
    this.#cluster = cluster;
  }

  async create({ topic, ...options }: CreateTopicOptions): Promise<void> {
    assertTopicName(topic);
    const given = checked(options);
    const queueNums = given.readQueueNums ?? given.writeQueueNums ?? DEFAULT_QUEUE_NUMS;
    const config: TopicConfig = {
      topicName: topic,
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: 0,
      order: false,
      attributes: {},
      readQueueNums: queueNums,
      writeQueueNums: queueNums,
      perm: READ_WRITE,
      ...given,
    };
    assertAllRead(config);
    for (const { address } of await this.#brokers(options)) await this.put(address, config);
  }

  async update({ topic, ...options }: UpdateTopicOptions): Promise<void> {
    assertTopicName(topic);
    const given = checked(options);
    const changes = (await this.on(topic, options)).map(({ address, config }) => ({
      address,
      config: { ...config, ...given },
    }));
    // All of them before the first is changed.
    for (const { config } of changes) assertAllRead(config);
    for (const { address, config } of changes) await this.put(address, config);
  }

  async configs(topic: string): Promise<BrokerTopicConfig[]> {
    const found = await this.#found(topic, {});
    return found.map(({ brokerName, config }) => ({ ...config, brokerName }));
  }

  /** What one broker has; undefined when it does not have the topic. */
  async config(address: string, topic: string): Promise<TopicConfig | undefined> {
    try {
      return decodeTopicConfig((await this.#client.call(address, getTopicConfig, { topic })).body);
    } catch (error) {
      if (MqError.is(error) && error.code === 'TOPIC_NOT_EXIST') return undefined;
      if (!MqError.is(error) || error.code !== 'REQUEST_CODE_NOT_SUPPORTED') throw error;
    }
    // RocketMQ 4.9 tells of all topics only.
    const { body } = await this.#client.call(address, getAllTopicConfig, {});
    return decodeTopicConfigTable(body).topicConfigTable.get(topic);
  }

  /** `drainedTo`: see update-and-create-topic.ts. */
  async put(address: string, config: TopicConfig, drainedTo?: string): Promise<void> {
    // Without attributes a broker keeps those it has.
    const { topicName, attributes: _attributes, ...settings } = config;
    await this.#client.call(address, updateAndCreateTopic, {
      topic: topicName,
      defaultTopic: SystemTopic.AUTO_CREATE,
      ...settings,
      ...(drainedTo !== undefined && { drainedTo }),
    });
  }

  async delete(topic: string, brokers: TopicBrokers = {}): Promise<void> {
    assertTopicName(topic);
    if (brokers.brokerName !== undefined || brokers.brokerAddr !== undefined) {
      return this.#deleteOnOne(topic, brokers);
    }
    for (const { address } of await this.#cluster.masters(brokers.cluster)) {
      await this.#client.call(address, deleteTopicInBroker, { topic });
    }
    await this.#client.callEveryNameServer(deleteTopicInNamesrv, {
      topic,
      ...(brokers.cluster !== undefined && { clusterName: brokers.cluster }),
    });
  }

  async list({ cluster }: { cluster?: string } = {}): Promise<string[]> {
    const { body } =
      cluster === undefined
        ? await this.#client.callNameServer(getAllTopicListFromNameserver, {})
        : await this.#client.callNameServer(getTopicsByCluster, { cluster });
    return decodeTopicList(body);
  }

  async wipeWritePerm(brokerName: string): Promise<number> {
    await this.#assertKnown(brokerName);
    const replies = await this.#client.callEveryNameServer(wipeWritePermOfBroker, { brokerName });
    return Math.max(...replies.map(({ header }) => header.wipeTopicCount));
  }

  async addWritePerm(brokerName: string): Promise<number> {
    await this.#assertKnown(brokerName);
    const replies = await this.#client.callEveryNameServer(addWritePermOfBroker, { brokerName });
    return Math.max(...replies.map(({ header }) => header.addTopicCount));
  }

  /** The brokers that have the topic. Errors: TOPIC_NOT_EXIST when none of those that are meant has. */
  async on(
    topic: string,
    brokers: TopicBrokers,
  ): Promise<(BrokerAddress & { config: TopicConfig })[]> {
    const found = await this.#found(topic, brokers);
    if (found.length > 0) return found;
    throw new MqError('TOPIC_NOT_EXIST', `topic ${topic} is on no broker that is meant`, {
      details: { topic, ...brokers },
    });
  }

  async #found(
    topic: string,
    brokers: TopicBrokers,
  ): Promise<(BrokerAddress & { config: TopicConfig })[]> {
    const asked = await Promise.all(
      (await this.#brokers(brokers)).map(async (broker) => {
        const config = await this.config(broker.address, topic);
        return config === undefined ? [] : { ...broker, config };
      }),
    );
    return asked.flat();
  }

  /**
   * Name servers are told of topics that come and change, not of one that goes on one of its brokers: there the topic
   * first gets no queue and no permission, so that nobody who goes by what an Apache name server still says goes there.
   */
  async #deleteOnOne(topic: string, brokers: TopicBrokers): Promise<void> {
    for (const { address, config } of await this.#found(topic, brokers)) {
      await this.put(address, { ...config, readQueueNums: 0, writeQueueNums: 0, perm: 0 });
    }
    // Also where it is not any more: what a deletion that was cut short has left goes, too.
    for (const { address } of await this.#brokers(brokers)) {
      await this.#client.call(address, deleteTopicInBroker, { topic });
    }
    if ((await this.#found(topic, {})).length > 0) return;
    await this.#client.callEveryNameServer(deleteTopicInNamesrv, { topic });
  }

  /** Errors: NO_ROUTE when there is none. */
  async #brokers({ cluster, brokerName, brokerAddr }: TopicBrokers): Promise<BrokerAddress[]> {
    if (brokerAddr !== undefined) return [{ brokerName: brokerAddr, address: brokerAddr }];
    const masters = await this.#cluster.masters(cluster);
    if (brokerName === undefined) return masters;
    const wanted = masters.filter((master) => master.brokerName === brokerName);
    if (wanted.length > 0) return wanted;
    throw unknownBroker(brokerName, masters);
  }

  async #assertKnown(brokerName: string): Promise<void> {
    const { brokerAddrTable } = await this.#cluster.clusterInfo();
    if (brokerAddrTable.has(brokerName)) return;
    throw unknownBroker(brokerName, [...brokerAddrTable.values()]);
  }
}

function unknownBroker(brokerName: string, known: readonly { brokerName: string }[]): MqError {
  const names = known.map((broker) => broker.brokerName).join(', ') || 'none';
  return new MqError('NO_ROUTE', `there is no broker ${brokerName}; there are: ${names}`, {
    retriable: true,
    details: { brokerName },
  });
}

/** What was given, without what was given as undefined. Errors: CONFIG_INVALID naming what cannot be a topic's. */
function checked({ readQueueNums, writeQueueNums, perm }: TopicSettings): TopicSettings {
  if (perm !== undefined && wholeNumber('perm', perm) > EVERY_PERMISSION) {
    throw new MqError('CONFIG_INVALID', `perm is ${perm}, it must be at most ${EVERY_PERMISSION}`);
  }
  return {
    ...(readQueueNums !== undefined && {
      readQueueNums: wholeNumber('readQueueNums', readQueueNums, 1),
    }),
    ...(writeQueueNums !== undefined && {
      writeQueueNums: wholeNumber('writeQueueNums', writeQueueNums),
    }),
    ...(perm !== undefined && { perm }),
  };
}

function assertAllRead({ topicName, readQueueNums, writeQueueNums }: TopicConfig): void {
  if (writeQueueNums <= readQueueNums) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `topic ${topicName} would have writeQueueNums ${writeQueueNums} and readQueueNums ${readQueueNums}: ` +
      `nobody would read queue ${readQueueNums}`,
    { details: { topic: topicName, readQueueNums, writeQueueNums } },
  );
}
