import { MqError } from '../errors.ts';
import { compareQueues, type MessageQueue } from '../protocol/message-queue.ts';
import { assertGroupName } from '../protocol/names.ts';
import { decodeConsumeStats } from '../protocol/consume-stats.ts';
import { decodeConsumerList } from '../protocol/consumer-list.ts';
import { decodeFindings, type Finding } from '../protocol/finding.ts';
import { getConsumeStats } from '../protocol/requests/get-consume-stats.ts';
import { getConsumerListByGroup } from '../protocol/requests/get-consumer-list-by-group.ts';
import { getFindings } from '../protocol/requests/get-findings.ts';
import type { ClusterInfo, TopicRouteData } from '../protocol/route.ts';
import { clientSettings, wholeNumber, type ClientOptions } from './client-options.ts';
import { ClusterView } from './cluster-view.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { DeadLetterQueues, type DlqOptions } from './dead-letter-queues.ts';
import { DiscardedTransactions } from './discarded-transactions.ts';
import { storeOffset } from './group-offsets.ts';
import {
  MessageFinder,
  type MessagesByTimeOptions,
  type QueryMessagesOptions,
} from './message-finder.ts';
import type { RedriveResult } from './message-redrive.ts';
import { MqClient } from './mq-client.ts';
import {
  OffsetResetter,
  type QueueReset,
  type ResetOffsetOptions,
  type ResetPosition,
} from './offset-reset.ts';
import { QueueOffsets, type SearchOffsetOptions } from './queue-offsets.ts';
import { Redrive, type RedriveOptions, type RedriveSelection } from './redrive.ts';
import { setRequestMode, type RequestModeOptions } from './request-mode-admin.ts';
import {
  SubscriptionGroupAdmin,
  type BrokerSubscriptionGroup,
  type SubscriptionGroupOptions,
} from './subscription-group-admin.ts';
import {
  TopicAdmin,
  type BrokerTopicConfig,
  type CreateTopicOptions,
  type TopicBrokers,
  type UpdateTopicOptions,
} from './topic-admin.ts';
import { readableQueues } from './topic-queues.ts';
import { TopicShrink, type ShrinkTopicOptions, type ShrunkTopic } from './topic-shrink.ts';

/** What one broker has found. */
export interface BrokerFinding extends Finding {
  readonly brokerName: string;
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

/** The same by a broker's own account, which does not tell "at the beginning" from "nowhere yet". */
export interface GroupQueueProgress {
  messageQueue: MessageQueue;
  brokerOffset: number;
  consumerOffset: number;
  lag: number;
}

/**
 * Looks at and changes topics and offsets. Every call asks anew; nothing is cached.
 *
 * Errors: of every call, those of `MqClient.call`; what is merely not there is undefined where the signature says so.
 */
export class Admin implements AsyncDisposable {
  readonly #client: MqClient;
  readonly #cluster: ClusterView;
  readonly #offsets: QueueOffsets;
  readonly #finder: MessageFinder;
  readonly #topics: TopicAdmin;
  readonly #groups: SubscriptionGroupAdmin;
  readonly #deadLetters: DeadLetterQueues;
  readonly #discarded: DiscardedTransactions;
  readonly #resets: OffsetResetter;

  /** Errors: CONFIG_INVALID naming the option. */
  constructor(options: ClientOptions) {
    this.#client = new MqClient(clientSettings(options));
    this.#cluster = new ClusterView(this.#client);
    this.#offsets = new QueueOffsets(this.#client, (queue) => this.#cluster.addressOf(queue));
    this.#finder = new MessageFinder(this.#client, this.#cluster, this.#offsets);
    this.#topics = new TopicAdmin(this.#client, this.#cluster);
    this.#groups = new SubscriptionGroupAdmin(this.#client, this.#cluster);
    this.#deadLetters = new DeadLetterQueues(this.#client, this.#cluster, this.#groups);
    this.#discarded = new DiscardedTransactions(this.#client, this.#cluster);
    this.#resets = new OffsetResetter(this.#client, this.#cluster);
  }

  /** For symmetry with producers and consumers: there is nothing to start. */
  async start(): Promise<void> {}

  /**
   * Creates a topic, or gives it these settings if it exists. Its route reaches the name servers within moments.
   *
   * Errors: INVALID_ARGUMENT, CONFIG_INVALID; NO_ROUTE when there is no broker to create it on; the broker's own refusal.
   */
  createTopic(options: CreateTopicOptions): Promise<void> {
    return this.#topics.create(options);
  }

  /**
   * Sets how the members of a group consume a topic that leave their assignment to brokers (`clientRebalance: false`, Java's
   * setClientRebalance(false)): each pulls queues of its own, or all pop from the same ones. Running members follow within
   * 20 s.
   *
   * Errors: INVALID_ARGUMENT, CONFIG_INVALID; NO_ROUTE; TOPIC_NOT_EXIST, SUBSCRIPTION_GROUP_NOT_EXIST.
   */
  setMessageRequestMode(options: RequestModeOptions): Promise<void> {
    return setRequestMode(this.#client, this.#cluster, options);
  }

  /**
   * Changes what is given of a topic's settings, on every broker that has it or on those that are named. Lowering
   * readQueueNums hides what is in the queues: `shrinkTopic` has it consumed first.
   *
   * Errors: INVALID_ARGUMENT, CONFIG_INVALID; TOPIC_NOT_EXIST; NO_ROUTE. A refusal of one broker leaves those before it changed.
   */
  updateTopic(options: UpdateTopicOptions): Promise<void> {
    return this.#topics.update(options);
  }

  /** The topic's settings on each broker that has it. */
  topicConfig(topic: string): Promise<BrokerTopicConfig[]> {
    return this.#topics.configs(topic);
  }

  /**
   * Gives a topic at most so many queues on each broker, and loses no message: producers lose the others at once,
   * consumers when they have consumed what is in them. Cut short by anything, it goes on when it is called again.
   *
   * Returns what each broker had that had more.
   * Errors: INVALID_ARGUMENT, CONFIG_INVALID, TOPIC_NOT_EXIST; ILLEGAL_OPERATION when ORDER_TOPIC_CONFIG lists more
   *         queues; NOT_DRAINED (retriable) with the offsets when `timeoutMs` is over; REQUEST_ABORTED.
   */
  shrinkTopic(
    topic: string,
    queueNums: number,
    options: ShrinkTopicOptions = {},
  ): Promise<ShrunkTopic[]> {
    return new TopicShrink(this.#client, this.#cluster, this.#topics).run(
      topic,
      queueNums,
      options,
    );
  }

  /**
   * Deletes a topic and its messages everywhere, in one cluster or on one broker. A topic that does not exist is no
   * error.
   */
  deleteTopic(topic: string, brokers: TopicBrokers = {}): Promise<void> {
    return this.#topics.delete(topic, brokers);
  }

  /**
   * Has every name server show a broker as read-only, so that producers leave it within 30 s, and consumers can drain
   * it; until `addWritePerm`, or until it leaves. Returns how many topics it has.
   *
   * Errors: NO_ROUTE when there is no such broker; that of a name server that cannot be told.
   */
  wipeWritePerm(brokerName: string): Promise<number> {
    return this.#topics.wipeWritePerm(brokerName);
  }

  /** Undoes `wipeWritePerm`. */
  addWritePerm(brokerName: string): Promise<number> {
    return this.#topics.addWritePerm(brokerName);
  }

  /** undefined when no broker has the topic. */
  topicRoute(topic: string): Promise<TopicRouteData | undefined> {
    return this.#cluster.topicRoute(topic);
  }

  /** The names of all topics, or of those that a cluster's brokers have. */
  topicList(options: { cluster?: string } = {}): Promise<string[]> {
    return this.#topics.list(options);
  }

  clusterInfo(): Promise<ClusterInfo> {
    return this.#cluster.clusterInfo();
  }

  /** The topic's queues that consumers read, sorted. Errors: NO_ROUTE. */
  async queues(topic: string): Promise<MessageQueue[]> {
    return readableQueues(topic, await this.#cluster.route(topic));
  }

  /** Entry index of the oldest message kept. */
  minOffset(queue: MessageQueue): Promise<number> {
    return this.#offsets.min(queue);
  }

  /** Entry index the next message will get. */
  maxOffset(queue: MessageQueue): Promise<number> {
    return this.#offsets.max(queue);
  }

  /** Entry index of the message stored at a time, ms since epoch: by default of the first one stored then or later. */
  searchOffset(
    queue: MessageQueue,
    timestampMs: number,
    options: SearchOffsetOptions = {},
  ): Promise<number> {
    return this.#offsets.atTime(queue, timestampMs, options);
  }

  /** undefined when the group has no progress in the queue. */
  queryConsumerOffset(consumerGroup: string, queue: MessageQueue): Promise<number | undefined> {
    return this.#offsets.stored(consumerGroup, queue);
  }

  /** Running members of the group overwrite it with their next report: to move them, see `resetOffset`. */
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

  /**
   * Has a consumer group, running or not, go on elsewhere in a topic. Members that run drop what they have fetched of it; what
   * they report meanwhile does not count. A group that has never consumed the topic begins there.
   *
   * Shape:  one result for each queue, sorted. With `force: false`, queues that would go forward have `to` equal to `from`.
   * Errors: INVALID_ARGUMENT for an offset below 0, past the end or no longer kept, and for a queue the topic does not have;
   *         NO_ROUTE for an unknown topic; SUBSCRIPTION_GROUP_NOT_EXIST; VERSION_NOT_SUPPORTED for a single queue, or
   *         without force, on a 4.9 broker. When one of several brokers fails, the sentence names the queues that are done.
   */
  resetOffset(
    consumerGroup: string,
    topic: string,
    position: ResetPosition,
    options: ResetOffsetOptions = {},
  ): Promise<QueueReset[]> {
    return this.#resets.reset(consumerGroup, topic, position, options);
  }

  /** Has a group, running or not, go on at the end of a topic: what it has not consumed yet, it never will. */
  skipBacklog(consumerGroup: string, topic: string): Promise<QueueReset[]> {
    return this.#resets.reset(consumerGroup, topic, 'latest');
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
   * How far a group has come in all queues of all topics that it consumes, its retries included: one request for each broker,
   * whereas `consumerProgress` needs two for each queue. Without progress in a queue its consumerOffset is 0 here.
   */
  async groupProgress(consumerGroup: string): Promise<GroupQueueProgress[]> {
    assertGroupName(consumerGroup);
    const values = { consumerGroup, topic: undefined, topicList: undefined };
    const stats = await Promise.all(
      (await this.#cluster.masters()).map(async ({ address }) => {
        const { body } = await this.#client.call(address, getConsumeStats, values);
        return [...decodeConsumeStats(body)];
      }),
    );
    return stats
      .flat()
      .map(([messageQueue, { brokerOffset, consumerOffset }]) => {
        const lag = brokerOffset - consumerOffset;
        return { messageQueue, brokerOffset, consumerOffset, lag };
      })
      .toSorted((a, b) => compareQueues(a.messageQueue, b.messageQueue));
  }

  /** The clientIds of a group's members, sorted. Each member is known to every broker it consumes from. */
  async groupMembers(consumerGroup: string): Promise<string[]> {
    assertGroupName(consumerGroup);
    const lists = await Promise.all(
      (await this.#cluster.masters()).map(async ({ address }) => {
        try {
          const { body } = await this.#client.call(address, getConsumerListByGroup, {
            consumerGroup,
          });
          return decodeConsumerList(body);
        } catch (error) {
          // This is how brokers say that they know no member of the group.
          if (MqError.is(error) && error.code === 'SYSTEM_ERROR') return [];
          throw error;
        }
      }),
    );
    return [...new Set(lists.flat())].toSorted();
  }

  /**
   * The message with this offsetMsgId, from the broker whose address is in the id; undefined when there is none.
   *
   * Errors: INVALID_ARGUMENT when the text is not an offsetMsgId; MESSAGE_CORRUPT.
   */
  viewMessage(offsetMsgId: string): Promise<ConsumedMessage | undefined> {
    return this.#finder.byOffsetMsgId(offsetMsgId);
  }

  /**
   * The newest messages of a topic that have this key, or this id of their producer, on all brokers; oldest first. A
   * message is found as soon as it is sent; on an Apache broker within moments.
   *
   * Errors: INVALID_ARGUMENT, CONFIG_INVALID, NO_ROUTE; that of a broker which does not answer, for its messages would lack.
   */
  queryMessages(
    topic: string,
    key: string,
    options: QueryMessagesOptions = {},
  ): Promise<ConsumedMessage[]> {
    return this.#finder.byKey(topic, key, options);
  }

  /**
   * The message with this id of its producer (`SendResult.msgId`), on any broker; undefined when there is none. The first
   * one stored, should it have been sent twice.
   *
   * Errors: as queryMessages.
   */
  messageByUniqueKey(topic: string, msgId: string): Promise<ConsumedMessage | undefined> {
    return this.#finder.byUniqueKey(topic, msgId);
  }

  /**
   * The messages of a topic stored in a range of time, from all queues, in the order of their times. They are read while
   * they are asked for, in pages: leave the loop when there are enough.
   *
   * Errors: INVALID_ARGUMENT, CONFIG_INVALID, NO_ROUTE; MESSAGE_CORRUPT at a record whose lengths make no sense.
   */
  messagesByTime(
    topic: string,
    options: MessagesByTimeOptions = {},
  ): AsyncGenerator<ConsumedMessage, void, undefined> {
    return this.#finder.byTime(topic, options);
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
   * The dead letters of a group that are not redriven yet, oldest first unless `order` says otherwise; those that a body
   * cannot be read of have it as it is stored. `skip` and `maxCount` make pages: where one broker has all of them, a page
   * costs no more than what is on it.
   *
   * Errors: INVALID_ARGUMENT; SUBSCRIPTION_GROUP_NOT_EXIST; NO_PERMISSION when the topic is not readable.
   */
  dlq(consumerGroup: string, options: DlqOptions = {}): Promise<ConsumedMessage[]> {
    return this.#deadLetters.list(consumerGroup, options);
  }

  /** How many dead letters of a group are not redriven yet. Reads none of them. Errors: as `dlq`. */
  dlqCount(consumerGroup: string): Promise<number> {
    return this.#deadLetters.count(consumerGroup);
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

  /**
   * What each broker has found wrong with how it is used, the one seen last first: consumers of one group that want
   * different things, clients that share a clientId, topics that do not exist, peers that speak another protocol.
   *
   * Errors: REQUEST_CODE_NOT_SUPPORTED by an Apache broker, which keeps no such list.
   */
  async findings(): Promise<BrokerFinding[]> {
    const masters = await this.#cluster.masters();
    const lists = await Promise.all(
      masters.map(async ({ brokerName, address }) => {
        const { body } = await this.#client.call(address, getFindings, {});
        return decodeFindings(body).map((finding) => ({ brokerName, ...finding }));
      }),
    );
    return lists.flat().toSorted((a, b) => b.lastSeenAt - a.lastSeenAt);
  }

  shutdown(): Promise<void> {
    return this.#client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}
