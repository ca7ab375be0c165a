import { MqError } from '../errors.ts';
import { formatHostPort } from '../protocol/host-address.ts';
import { parseOffsetMsgId } from '../protocol/message-id.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { decodeRecord } from '../protocol/message.ts';
import { assertGroupName, assertTopicName, SystemTopic } from '../protocol/names.ts';
import { deleteTopicInBroker } from '../protocol/requests/delete-topic-in-broker.ts';
import { deleteTopicInNamesrv } from '../protocol/requests/delete-topic-in-namesrv.ts';
import { getAllTopicListFromNameserver } from '../protocol/requests/get-all-topic-list-from-nameserver.ts';
import { getBrokerClusterInfo } from '../protocol/requests/get-broker-cluster-info.ts';
import { getMaxOffset } from '../protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../protocol/requests/get-min-offset.ts';
import { getRouteinfoByTopic } from '../protocol/requests/get-routeinfo-by-topic.ts';
import { queryConsumerOffset } from '../protocol/requests/query-consumer-offset.ts';
import { searchOffsetByTimestamp } from '../protocol/requests/search-offset-by-timestamp.ts';
import { updateAndCreateTopic } from '../protocol/requests/update-and-create-topic.ts';
import { updateConsumerOffset } from '../protocol/requests/update-consumer-offset.ts';
import { viewMessageById } from '../protocol/requests/view-message-by-id.ts';
import {
  decodeClusterInfo,
  decodeTopicRoute,
  MASTER_ID,
  type ClusterInfo,
  type TopicRouteData,
} from '../protocol/route.ts';
import { Permission } from '../protocol/sys-flag.ts';
import { decodeTopicList } from '../protocol/topic-list.ts';
import { clientSettings, wholeNumber, type ClientOptions } from './client-options.ts';
import { ConsumedMessage } from './consumed-message.ts';
import { readMessage } from './fetched-messages.ts';
import { MqClient } from './mq-client.ts';
import { anyAddress, readableQueues } from './topic-queues.ts';

export interface CreateTopicOptions {
  topic: string;
  /** Default 8. */
  readQueueNums?: number;
  /** Default: as readQueueNums. */
  writeQueueNums?: number;
  /** Bits: 4 read, 2 write. Default 6. */
  perm?: number;
  /** On this broker only. Default: on all masters of the cluster. */
  brokerAddr?: string;
  /** Default: every cluster the name servers know. */
  cluster?: string;
}

export interface QueueProgress {
  messageQueue: MessageQueue;
  /** The entry index the next message will get. */
  brokerOffset: number;
  /** Where the group resumes; undefined when it has no progress there. */
  consumerOffset: number | undefined;
  /** Messages not yet consumed; undefined without progress. */
  lag: number | undefined;
}

/** Largest body `viewMessage` inflates. */
const MAX_VIEWED_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Looks at and changes topics and offsets. Every call asks anew; nothing is cached.
 *
 * Errors: of every call, those of `MqClient.call`; what is merely not there is undefined where the signature says so.
 */
export class Admin implements AsyncDisposable {
  readonly #client: MqClient;

  /** Errors: CONFIG_INVALID naming the option. */
  constructor(options: ClientOptions) {
    this.#client = new MqClient(clientSettings(options));
  }

  /** For symmetry with producers and consumers: there is nothing to start. */
  async start(): Promise<void> {}

  /**
   * Creates a topic, or gives it these settings if it exists. Its route reaches the name servers within moments.
   *
   * Errors: INVALID_ARGUMENT; NO_ROUTE when there is no broker to create it on; the broker's own refusal.
   */
  async createTopic(options: CreateTopicOptions): Promise<void> {
    assertTopicName(options.topic);
    const readQueueNums = wholeNumber('readQueueNums', options.readQueueNums ?? 8, 1);
    const addresses =
      options.brokerAddr === undefined
        ? await this.#masters(options.cluster)
        : [options.brokerAddr];
    for (const address of addresses) {
      await this.#client.call(address, updateAndCreateTopic, {
        topic: options.topic,
        defaultTopic: SystemTopic.AUTO_CREATE,
        readQueueNums,
        writeQueueNums: wholeNumber('writeQueueNums', options.writeQueueNums ?? readQueueNums),
        perm: options.perm ?? Permission.READ | Permission.WRITE,
        topicFilterType: 'SINGLE_TAG',
        topicSysFlag: 0,
        order: false,
      });
    }
  }

  /** Deletes a topic and its messages everywhere, or in one cluster. A topic that does not exist is no error. */
  async deleteTopic(topic: string, options: { cluster?: string } = {}): Promise<void> {
    assertTopicName(topic);
    for (const address of await this.#masters(options.cluster)) {
      await this.#client.call(address, deleteTopicInBroker, { topic });
    }
    await this.#client.callEveryNameServer(deleteTopicInNamesrv, {
      topic,
      ...(options.cluster !== undefined && { clusterName: options.cluster }),
    });
  }

  /** undefined when no broker has the topic. */
  async topicRoute(topic: string): Promise<TopicRouteData | undefined> {
    try {
      const { body } = await this.#client.callNameServer(getRouteinfoByTopic, {
        topic,
        acceptStandardJsonOnly: true,
      });
      return decodeTopicRoute(body);
    } catch (error) {
      if (MqError.is(error) && error.code === 'TOPIC_NOT_EXIST') return undefined;
      throw error;
    }
  }

  async topicList(): Promise<string[]> {
    const { body } = await this.#client.callNameServer(getAllTopicListFromNameserver, {});
    return decodeTopicList(body);
  }

  async clusterInfo(): Promise<ClusterInfo> {
    const { body } = await this.#client.callNameServer(getBrokerClusterInfo, {});
    return decodeClusterInfo(body);
  }

  /** The topic's queues that consumers read, sorted. Errors: NO_ROUTE. */
  async queues(topic: string): Promise<MessageQueue[]> {
    return readableQueues(topic, await this.#route(topic));
  }

  /** Entry index of the oldest message kept. */
  async minOffset(queue: MessageQueue): Promise<number> {
    const { topic, queueId } = queue;
    const address = await this.#addressOf(queue);
    return (await this.#client.call(address, getMinOffset, { topic, queueId })).header.offset;
  }

  /** Entry index the next message will get. */
  async maxOffset(queue: MessageQueue): Promise<number> {
    const { topic, queueId } = queue;
    const address = await this.#addressOf(queue);
    return (await this.#client.call(address, getMaxOffset, { topic, queueId })).header.offset;
  }

  /** Entry index of the first message stored at or after a time, ms since epoch. */
  async searchOffset(queue: MessageQueue, timestampMs: number): Promise<number> {
    const { topic, queueId } = queue;
    const reply = await this.#client.call(await this.#addressOf(queue), searchOffsetByTimestamp, {
      topic,
      queueId,
      timestamp: timestampMs,
    });
    return reply.header.offset;
  }

  /** undefined when the group has no progress in the queue. */
  async queryConsumerOffset(
    consumerGroup: string,
    queue: MessageQueue,
  ): Promise<number | undefined> {
    const { topic, queueId } = queue;
    try {
      const reply = await this.#client.call(await this.#addressOf(queue), queryConsumerOffset, {
        consumerGroup,
        topic,
        queueId,
        setZeroIfNotFound: false,
      });
      return reply.header.offset;
    } catch (error) {
      if (MqError.is(error) && error.code === 'QUERY_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Running members of the group overwrite it with their next report. */
  async updateConsumerOffset(
    consumerGroup: string,
    queue: MessageQueue,
    queueOffset: number,
  ): Promise<void> {
    assertGroupName(consumerGroup);
    const { topic, queueId } = queue;
    await this.#client.call(await this.#addressOf(queue), updateConsumerOffset, {
      consumerGroup,
      topic,
      queueId,
      commitOffset: wholeNumber('queueOffset', queueOffset),
    });
  }

  /** How far a group is behind in each queue of a topic. Errors: NO_ROUTE. */
  async consumerProgress(consumerGroup: string, topic: string): Promise<QueueProgress[]> {
    return Promise.all(
      (await this.queues(topic)).map(async (messageQueue) => {
        const [brokerOffset, consumerOffset] = await Promise.all([
          this.maxOffset(messageQueue),
          this.queryConsumerOffset(consumerGroup, messageQueue),
        ]);
        const lag = consumerOffset === undefined ? undefined : brokerOffset - consumerOffset;
        return { messageQueue, brokerOffset, consumerOffset, lag };
      }),
    );
  }

  /**
   * The message with this offsetMsgId, from the broker whose address is in the id; undefined when there is none.
   *
   * Errors: INVALID_ARGUMENT when the text is not an offsetMsgId; MESSAGE_CORRUPT.
   */
  async viewMessage(offsetMsgId: string): Promise<ConsumedMessage | undefined> {
    const { host, commitLogOffset } = parseOffsetMsgId(offsetMsgId);
    try {
      const { body } = await this.#client.call(formatHostPort(host), viewMessageById, {
        offset: commitLogOffset,
      });
      if (body === undefined) return undefined;
      const record = decodeRecord(body, 0, { verifyCrc: false });
      return await readMessage(record, '', MAX_VIEWED_BODY_BYTES);
    } catch (error) {
      // Brokers have no other way of saying that no message begins there.
      if (MqError.is(error) && error.code === 'SYSTEM_ERROR') return undefined;
      throw error;
    }
  }

  shutdown(): Promise<void> {
    return this.#client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #route(topic: string): Promise<TopicRouteData> {
    const route = await this.topicRoute(topic);
    if (route !== undefined) return route;
    throw new MqError('NO_ROUTE', `topic ${topic} does not exist on any broker`, {
      details: { topic },
    });
  }

  async #addressOf({ topic, brokerName }: MessageQueue): Promise<string> {
    const { brokerDatas } = await this.#route(topic);
    const broker = brokerDatas.find((data) => data.brokerName === brokerName);
    const address = broker && anyAddress(broker);
    if (address !== undefined) return address;
    throw new MqError('NO_ROUTE', `topic ${topic} is not on a broker named ${brokerName}`, {
      details: { topic, brokerName },
    });
  }

  async #masters(cluster: string | undefined): Promise<string[]> {
    const { brokerAddrTable, clusterAddrTable } = await this.clusterInfo();
    const names =
      cluster === undefined ? [...brokerAddrTable.keys()] : (clusterAddrTable.get(cluster) ?? []);
    const masters = names.flatMap(
      (name) => brokerAddrTable.get(name)?.brokerAddrs.get(MASTER_ID) ?? [],
    );
    if (masters.length > 0) return masters;
    throw new MqError(
      'NO_ROUTE',
      cluster === undefined
        ? 'the name server knows no master broker'
        : `cluster ${cluster} has no master broker; there are: ${[...clusterAddrTable.keys()].join(', ')}`,
      { retriable: true },
    );
  }
}
