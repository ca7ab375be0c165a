import { MqError } from '../errors.ts';
import { formatHostPort } from '../protocol/host-address.ts';
import { parseOffsetMsgId } from '../protocol/message-id.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { decodeRecord } from '../protocol/message.ts';
import { assertGroupName, assertTopicName, SystemTopic } from '../protocol/names.ts';
import { deleteTopicInBroker } from '../protocol/requests/delete-topic-in-broker.ts';
import { deleteTopicInNamesrv } from '../protocol/requests/delete-topic-in-namesrv.ts';
import { getAllTopicListFromNameserver } from '../protocol/requests/get-all-topic-list-from-nameserver.ts';
import { getMaxOffset } from '../protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../protocol/requests/get-min-offset.ts';
import { searchOffsetByTimestamp } from '../protocol/requests/search-offset-by-timestamp.ts';
import { updateAndCreateTopic } from '../protocol/requests/update-and-create-topic.ts';
import { viewMessageById } from '../protocol/requests/view-message-by-id.ts';
import type { ClusterInfo, TopicRouteData } from '../protocol/route.ts';
import { Permission } from '../protocol/sys-flag.ts';
import { decodeTopicList } from '../protocol/topic-list.ts';
import { clientSettings, wholeNumber, type ClientOptions } from './client-options.ts';
import { ClusterView } from './cluster-view.ts';
import { ConsumedMessage } from './consumed-message.ts';
import { DeadLetterQueues, type DlqOptions } from './dead-letter-queues.ts';
import { DiscardedTransactions } from './discarded-transactions.ts';
import { readMessage } from './fetched-messages.ts';
import { storedOffset, storeOffset } from './group-offsets.ts';
import type { RedriveResult } from './message-redrive.ts';
import { MqClient } from './mq-client.ts';
import { Redrive, type RedriveOptions, type RedriveSelection } from './redrive.ts';
import {
  SubscriptionGroupAdmin,
  type BrokerSubscriptionGroup,
  type SubscriptionGroupOptions,
} from './subscription-group-admin.ts';
import { readableQueues } from './topic-queues.ts';

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
  readonly #cluster: ClusterView;
  readonly #groups: SubscriptionGroupAdmin;
  readonly #deadLetters: DeadLetterQueues;
  readonly #discarded: DiscardedTransactions;

  /** Errors: CONFIG_INVALID naming the option. */
  constructor(options: ClientOptions) {
    this.#client = new MqClient(clientSettings(options));
    this.#cluster = new ClusterView(this.#client);
    this.#groups = new SubscriptionGroupAdmin(this.#client, this.#cluster);
    this.#deadLetters = new DeadLetterQueues(this.#client, this.#cluster, this.#groups);
    this.#discarded = new DiscardedTransactions(this.#client, this.#cluster);
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
        ? await this.#cluster.masters(options.cluster)
        : [{ address: options.brokerAddr }];
    for (const { address } of addresses) {
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
    for (const { address } of await this.#cluster.masters(options.cluster)) {
      await this.#client.call(address, deleteTopicInBroker, { topic });
    }
    await this.#client.callEveryNameServer(deleteTopicInNamesrv, {
      topic,
      ...(options.cluster !== undefined && { clusterName: options.cluster }),
    });
  }

  /** undefined when no broker has the topic. */
  topicRoute(topic: string): Promise<TopicRouteData | undefined> {
    return this.#cluster.topicRoute(topic);
  }

  async topicList(): Promise<string[]> {
    const { body } = await this.#client.callNameServer(getAllTopicListFromNameserver, {});
    return decodeTopicList(body);
  }

  clusterInfo(): Promise<ClusterInfo> {
    return this.#cluster.clusterInfo();
  }

  /** The topic's queues that consumers read, sorted. Errors: NO_ROUTE. */
  async queues(topic: string): Promise<MessageQueue[]> {
    return readableQueues(topic, await this.#cluster.route(topic));
  }

  /** Entry index of the oldest message kept. */
  async minOffset(queue: MessageQueue): Promise<number> {
    const { topic, queueId } = queue;
    const address = await this.#cluster.addressOf(queue);
    return (await this.#client.call(address, getMinOffset, { topic, queueId })).header.offset;
  }

  /** Entry index the next message will get. */
  async maxOffset(queue: MessageQueue): Promise<number> {
    const { topic, queueId } = queue;
    const address = await this.#cluster.addressOf(queue);
    return (await this.#client.call(address, getMaxOffset, { topic, queueId })).header.offset;
  }

  /** Entry index of the first message stored at or after a time, ms since epoch. */
  async searchOffset(queue: MessageQueue, timestampMs: number): Promise<number> {
    const { topic, queueId } = queue;
    const reply = await this.#client.call(
      await this.#cluster.addressOf(queue),
      searchOffsetByTimestamp,
      {
        topic,
        queueId,
        timestamp: timestampMs,
      },
    );
    return reply.header.offset;
  }

  /** undefined when the group has no progress in the queue. */
  async queryConsumerOffset(
    consumerGroup: string,
    queue: MessageQueue,
  ): Promise<number | undefined> {
    const address = await this.#cluster.addressOf(queue);
    return storedOffset(this.#client, { address, consumerGroup, queue });
  }

  /** Running members of the group overwrite it with their next report. */
  async updateConsumerOffset(
    consumerGroup: string,
    queue: MessageQueue,
    queueOffset: number,
  ): Promise<void> {
    assertGroupName(consumerGroup);
    const offset = wholeNumber('queueOffset', queueOffset);
    const address = await this.#cluster.addressOf(queue);
    await storeOffset(this.#client, { address, consumerGroup, queue }, offset);
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

  /**
   * Gives a consumer group these settings on every master, and creates it where it is not there yet. What is left out
   * stays as it is, and is the default in a new group: 16 retries, one retry queue, consuming allowed.
   *
   * Errors: CONFIG_INVALID, INVALID_ARGUMENT; NO_ROUTE; the broker's own refusal.
   */
  updateSubscriptionGroup(options: SubscriptionGroupOptions): Promise<void> {
    return this.#groups.update(options);
  }

  /** The settings of every consumer group, by name and broker. */
  subscriptionGroups(): Promise<BrokerSubscriptionGroup[]> {
    return this.#groups.list();
  }

  /**
   * Deletes a group's settings and, with `cleanOffset`, its progress. Its retry and dead-letter topics stay until they
   * are deleted as topics. Members still running bring the group back, where brokers may create groups.
   */
  deleteSubscriptionGroup(
    consumerGroup: string,
    options: { cleanOffset?: boolean; cluster?: string } = {},
  ): Promise<void> {
    return this.#groups.delete(consumerGroup, options);
  }

  /**
   * The dead letters of a group that are not redriven yet, oldest first; those that a body cannot be read of have it as
   * it is stored.
   *
   * Errors: SUBSCRIPTION_GROUP_NOT_EXIST; NO_PERMISSION when the topic is not readable.
   */
  dlq(consumerGroup: string, options: DlqOptions = {}): Promise<ConsumedMessage[]> {
    return this.#deadLetters.list(consumerGroup, options);
  }

  /**
   * Sends dead letters back to their group, at once and with their retries counted from 0. 'all' goes on where the last
   * 'all' ended; a selection is sent as often as it is asked for.
   *
   * Shape:  one result for each message, in order.
   * Errors: before anything is sent: INVALID_ARGUMENT, SUBSCRIPTION_GROUP_NOT_EXIST, NO_PERMISSION, and whatever
   *         keeps the dead-letter queues from being read. Afterwards a failure is a result.
   */
  redriveDlq(
    consumerGroup: string,
    selection: RedriveSelection,
    options: RedriveOptions = {},
  ): Promise<RedriveResult[]> {
    return new Redrive(this.#client, this.#cluster, this.#deadLetters, consumerGroup).run(
      selection,
      options,
    );
  }

  /**
   * Half messages that brokers gave up, because no producer could say what became of them, oldest first. Their real
   * topic is in the property REAL_TOPIC. Those that were resumed are left out, except on an Apache broker, which does
   * not note it.
   */
  discardedTransactions(): Promise<ConsumedMessage[]> {
    return this.#discarded.list();
  }

  /**
   * Has the broker ask again after a half message it gave up, as if it had never been asked about. Any `offsetMsgId` of
   * `discardedTransactions`.
   *
   * Errors: INVALID_ARGUMENT; SYSTEM_ERROR when there is none with this id, or it was resumed already.
   */
  resumeTransaction(offsetMsgId: string): Promise<void> {
    return this.#discarded.resume(offsetMsgId);
  }

  shutdown(): Promise<void> {
    return this.#client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}
