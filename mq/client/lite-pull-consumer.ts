import { MqError } from '../errors.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { assertGroupName, assertTopicName } from '../protocol/names.ts';
import { SUBSCRIBE_ALL, subscriptionOf, type MessageSelector } from '../protocol/subscription.ts';
import { allocateStrategy, EVERYTHING, shareBy } from './allocation.ts';
import type { AssignmentChange } from './assignment.ts';
import { AnyQueue, type PullOptions } from './any-queue.ts';
import { assertDuration, assertWholeNumber } from './argument-checks.ts';
import { clientSettings } from './client-options.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { GroupMember } from './group-member.ts';
import {
  litePullSettings,
  pollingSettings,
  type LitePullConsumerOptions,
  type PollingSettings,
} from './lite-pull-consumer-options.ts';
import { LocalOffsets } from './local-offsets.ts';
import { clientClosed } from './mq-client.ts';
import { Polling } from './polling.ts';
import { messageModel } from './push-consumer-options.ts';
import type { QueuePuller } from './queue-puller.ts';
import { assignedPuller } from './seeks.ts';
import type { PullResult } from './single-pull.ts';
import { readableQueues } from './topic-queues.ts';

export interface PollOptions {
  /** How long to wait for the first message. Default: pollTimeoutMillis; 0: not at all. */
  timeoutMs?: number;
  /** Default: pullBatchSize. */
  maxCount?: number;
  /** Ends the wait with REQUEST_ABORTED; no message is lost by that. */
  signal?: AbortSignal;
}

/** Called with the new list, empty when the topic is gone, when the queues of a topic that can be read have changed. */
export type TopicMessageQueueChangeListener = (
  topic: string,
  messageQueues: readonly MessageQueue[],
) => unknown;

/**
 * Consumes at the application's own pace: it asks for messages, goes back and forth, and says what is consumed.
 *
 * Either it subscribes to topics and shares their queues with the other members of its group, or queues are assigned to it by
 * hand, whoever else reads them; never both. Nor should a group have members of both kinds: the first leave the others a
 * share. Messages are fetched in the background, within the limits of the options, and `poll` hands them out: each queue's
 * in order, the queues in turn.
 *
 * With autoCommit, asking for more says that what was handed out before is consumed: at each call of `poll`, and each step of
 * `for await`. It is reported every autoCommitIntervalMillis, when a queue is given up, and at shutdown. What was handed out
 * last and not followed by a poll is therefore delivered again, unless `commit` is called. Where a group without progress
 * begins is reported as well, so that another member that gets the queue begins there, too. Of several loops that poll one
 * consumer each would speak for the others: they switch autoCommit off and commit the offsets they know to be consumed.
 *
 * RocketMQ's model is DefaultLitePullConsumer; `pull` is what its older DefaultMQPullConsumer was for.
 */
export class LitePullConsumer implements AsyncDisposable, AsyncIterable<ConsumedMessage> {
  readonly consumerGroup: string;
  readonly #member: GroupMember;
  readonly #settings: PollingSettings;
  readonly #polling: Polling;
  readonly #anyQueue: AnyQueue;
  /** Of a broadcasting consumer. */
  readonly #localOffsets: LocalOffsets | undefined;
  readonly #expressions = new Map<string, MessageSelector>();
  #onAssignmentChange: ((change: AssignmentChange) => unknown) | undefined;
  #mode: 'none' | 'subscribe' | 'assign' = 'none';
  #state: 'new' | 'running' | 'closed' = 'new';
  #shuttingDown: Promise<void> | undefined;

  /** Errors: CONFIG_INVALID, INVALID_ARGUMENT naming the option. */
  constructor(options: LitePullConsumerOptions) {
    assertGroupName(options.consumerGroup);
    const settings = clientSettings(options);
    const pulling = litePullSettings(options, settings.clock.now());
    const { consumerGroup } = options;
    const self = { consumerGroup, clientId: settings.clientId, logger: settings.logger };
    const model = messageModel(options);
    const isBroadcasting = model === 'BROADCASTING';
    if (isBroadcasting) this.#localOffsets = new LocalOffsets({ ...options, ...self });
    this.consumerGroup = consumerGroup;
    this.#settings = pollingSettings(options);
    const { autoCommit, autoCommitIntervalMs } = this.#settings;
    this.#member = new GroupMember({
      settings,
      consumerData: {
        groupName: consumerGroup,
        consumeType: 'CONSUME_ACTIVELY',
        messageModel: model,
        consumeFromWhere: pulling.start.consumeFromWhere,
      },
      pulling: {
        ...pulling,
        isFull: () => this.#polling.isFull,
        localOffsets: this.#localOffsets,
      },
      persistIntervalMs: autoCommit ? autoCommitIntervalMs : undefined,
      onPersist: () => this.#polling.reported(),
      allocation: isBroadcasting
        ? EVERYTHING
        : shareBy(allocateStrategy(options.allocateMessageQueueStrategy), self),
      submit: (deliveries) => this.#polling.submit(deliveries),
      ordering: () => undefined,
      onChange: (change) => this.#assignmentChanged(change),
    });
    this.#anyQueue = new AnyQueue({
      member: this.#member,
      consumerGroup,
      maxBodyBytes: pulling.maxBodyBytes,
    });
    this.#polling = new Polling({
      ...this.#settings,
      assignment: this.#member.assignment,
      offsets: this.#anyQueue.offsets,
      clock: settings.clock,
    });
  }

  get clientId(): string {
    return this.#member.client.clientId;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** The queues this consumer fetches now: its share of the topics it subscribes to, or what was assigned. */
  assignedQueues(): MessageQueue[] {
    return this.#member.assignment.queues();
  }

  /** Addresses of the brokers that took this consumer's latest heartbeat. */
  knownBrokers(): string[] {
    return this.#member.heartbeats.announcedTo();
  }

  /** Addresses of routed-to brokers that did not. */
  unreachableBrokers(): string[] {
    return this.#member.heartbeats.notAnnouncedTo();
  }

  /**
   * Subscribes to a topic, or changes what is wanted of it: `*`, `TagA || TagB`, or `{ sql }` on properties. Every member of a
   * group must subscribe alike.
   *
   * Errors: INVALID_ARGUMENT, also when queues are assigned by hand.
   */
  subscribe(topic: string, expression: MessageSelector = SUBSCRIBE_ALL): this {
    assertTopicName(topic);
    this.#assertMode('subscribe');
    this.#member.subscribe(topic, (subVersion) => subscriptionOf(topic, expression, subVersion));
    this.#mode = 'subscribe';
    return this;
  }

  unsubscribe(topic: string): this {
    this.#member.unsubscribe(topic);
    return this;
  }

  /**
   * Reads these queues and no others from now on, whoever else reads them. Those that were assigned before go on where they are,
   * the others begin at the group's progress, and what was prefetched of those that are left out is dropped.
   *
   * When this returns, it is known where each queue begins, provided that its broker could be reached within the request
   * timeout; before `start`, it only notes them.
   * Errors: INVALID_ARGUMENT, also when the consumer subscribes to topics.
   */
  async assign(queues: readonly MessageQueue[]): Promise<void> {
    this.#assertOpen();
    this.#assertMode('assign');
    for (const { topic } of queues) assertTopicName(topic);
    const unique = new Map(
      queues.map(({ topic, brokerName, queueId }) => {
        const queue = { topic, brokerName, queueId };
        return [queueKey(queue), queue];
      }),
    );
    this.#mode = 'assign';
    const topics = new Set(queues.map(({ topic }) => topic));
    await this.#member.assign(
      [...unique.values()],
      Array.from(topics, (topic) => this.#expression(topic)),
    );
  }

  /**
   * What is wanted of a topic whose queues are assigned by hand, from the next `assign` on; as of a subscription. Default `*`.
   *
   * Errors: INVALID_ARGUMENT.
   */
  setSubExpressionForAssign(topic: string, expression: MessageSelector): this {
    assertTopicName(topic);
    subscriptionOf(topic, expression, 0);
    this.#expressions.set(topic, expression);
    return this;
  }

  /**
   * Calls the listener when this consumer's share of a topic changes: RocketMQ's MessageQueueListener. Nothing of the queues added
   * has been handed out by then, so a `seek` called in it, before anything is awaited, applies to their first message. One
   * listener: a second replaces it. What it throws, or its promise is rejected with, is logged.
   */
  onAssignmentChange(listener: (change: AssignmentChange) => unknown): this {
    this.#onAssignmentChange = listener;
    return this;
  }

  /** Watches the queues of a topic, for who assigns them by hand. One listener a topic: a second replaces it. */
  onTopicMessageQueueChange(topic: string, listener: TopicMessageQueueChangeListener): this {
    assertTopicName(topic);
    let known: string | undefined;
    this.#member.onRoute(topic, (route) => {
      const queues = route === undefined ? [] : readableQueues(topic, route);
      const keys = queues.map(queueKey).join();
      if (keys === known) return;
      const isFirst = known === undefined;
      known = keys;
      if (!isFirst) this.#tell('topicMessageQueueChange', () => listener(topic, queues));
    });
    return this;
  }

  /**
   * Joins the group. When this returns, the consumer knows its queues and where it begins in each, provided that brokers could
   * be reached within the request timeout; else it keeps trying. Topics and queues may be named before or after.
   *
   * Errors: SUBSCRIPTION_PARSE_FAILED, SYSTEM_ERROR or VERSION_NOT_SUPPORTED when a broker does not take an SQL92 expression;
   *         of a broadcasting consumer STORE_FAILED: its progress cannot be read, or another consumer has the same group and clientId.
   */
  async start(): Promise<void> {
    if (this.#state === 'closed') throw clientClosed();
    if (this.#state === 'running') return;
    this.#state = 'running';
    try {
      await this.#member.checkExpressions();
      if (this.isRunning) await this.#localOffsets?.open();
    } catch (error) {
      if (this.isRunning) this.#state = 'new';
      throw error;
    }
    // Shut down meanwhile.
    if (this.isRunning) await this.#member.start();
  }

  /**
   * Hands out messages as soon as there are any: each queue's in order, of several queues if one has not enough. Empty when there
   * are none in time, or the consumer is shut down meanwhile. Polls at the same time are served in the order they came, each
   * message to one of them.
   *
   * Errors: INVALID_ARGUMENT, also before `start` or without a topic or queue; CLIENT_CLOSED after shutdown; REQUEST_ABORTED;
   *         MESSAGE_CORRUPT, once, for a message whose body cannot be read: the next poll goes on behind it.
   */
  async poll(options: PollOptions = {}): Promise<ConsumedMessage[]> {
    const { maxCount = this.#settings.maxCount, timeoutMs = this.#settings.timeoutMs } = options;
    assertWholeNumber('maxCount', maxCount, 1);
    assertDuration('timeoutMs', timeoutMs);
    this.#assertRunning();
    if (this.#mode === 'none') {
      throw new MqError(
        'INVALID_ARGUMENT',
        'the consumer has nothing to poll: call subscribe or assign first',
      );
    }
    return this.#polling.next({ maxCount, timeoutMs, signal: options.signal });
  }

  /**
   * The messages one by one, until the consumer is shut down. With autoCommit, each counts as consumed when the next is asked
   * for. Leaving the loop shuts nothing down.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<ConsumedMessage, void, undefined> {
    do {
      const [message] = await this.poll({ maxCount: 1 });
      if (message !== undefined) yield message;
    } while (this.isRunning);
  }

  /**
   * Asks a broker for messages of any queue from an offset on, once: nothing is prefetched, no progress is used or made, and the
   * queue need not be assigned.
   *
   * Errors: INVALID_ARGUMENT for a negative offset; PULL_OFFSET_MOVED for one past the end, with both; MESSAGE_CORRUPT when the
   *         first message cannot be read (go on at the next offset); NO_ROUTE, REQUEST_ABORTED, CLIENT_CLOSED; those of the broker.
   */
  async pull(
    queue: MessageQueue,
    queueOffset: number,
    options: PullOptions = {},
  ): Promise<PullResult> {
    this.#assertRunning();
    return this.#anyQueue.pull(queue, queueOffset, options);
  }

  /**
   * Goes on at another offset of an assigned queue. From the call on nothing of the queue is handed out; what was prefetched,
   * or is on its way, is dropped. Of two seeks in one queue the later counts. The progress that is reported next is this
   * offset.
   *
   * Errors: INVALID_ARGUMENT for an offset that the queue does not have, with its first and last; QUEUE_NOT_ASSIGNED; those of
   *         the broker. The queue then goes on where it was.
   */
  async seek(queue: MessageQueue, queueOffset: number): Promise<void> {
    assertWholeNumber('queueOffset', queueOffset, 0);
    this.#assertRunning();
    await this.#polling.seeks.to(queue, queueOffset);
  }

  /** To the oldest message kept. Errors: as `seek`. */
  async seekToBegin(queue: MessageQueue): Promise<void> {
    this.#assertRunning();
    await this.#polling.seeks.toBegin(queue);
  }

  /** Behind the newest message. Errors: as `seek`. */
  async seekToEnd(queue: MessageQueue): Promise<void> {
    this.#assertRunning();
    await this.#polling.seeks.toEnd(queue);
  }

  /**
   * Fetches nothing more of these queues until `resume`. What was prefetched, or is on its way, is still handed out. A queue that
   * is given up and comes back is not paused.
   *
   * Errors: QUEUE_NOT_ASSIGNED; then none is paused.
   */
  pause(queues: readonly MessageQueue[]): void {
    for (const puller of this.#pullers(queues)) puller.pause();
  }

  /** Errors: QUEUE_NOT_ASSIGNED; then none is resumed. */
  resume(queues: readonly MessageQueue[]): void {
    for (const puller of this.#pullers(queues)) puller.resume();
  }

  /** The assigned queues that are paused. */
  pausedQueues(): MessageQueue[] {
    return Array.from(this.#member.assignment.pullers())
      .filter(({ isPaused }) => isPaused)
      .map(({ queue }) => queue);
  }

  /**
   * Makes everything that was handed out, or the offsets given, the group's progress, and waits until brokers have it. An
   * offset is where the group goes on: one behind the last message consumed.
   *
   * Errors: INVALID_ARGUMENT for a negative offset and QUEUE_NOT_ASSIGNED, before anything is committed: who has lost a queue
   *         cannot commit it any more. Those of the first broker that failed; what other queues had to commit is committed, and a
   *         later `commit` commits the rest.
   */
  async commit(offsets?: Iterable<readonly [MessageQueue, number]>): Promise<void> {
    this.#assertRunning();
    await this.#polling.commit(offsets === undefined ? undefined : [...offsets]);
  }

  /**
   * Where the group resumes in a queue, as its broker has it, or this member, as its file has it, in broadcasting; undefined without
   * progress. Errors: those of the broker.
   */
  async committed(queue: MessageQueue): Promise<number | undefined> {
    this.#assertRunning();
    if (this.#localOffsets !== undefined) return this.#localOffsets.get(queue);
    return this.#anyQueue.offsets.stored(this.consumerGroup, queue);
  }

  /** Of the next message that will be handed out of an assigned queue; undefined while it is not known. */
  position(queue: MessageQueue): number | undefined {
    return this.#member.assignment.puller(queue)?.position;
  }

  /** Offset of the oldest message kept. Errors: NO_ROUTE; those of the broker. */
  async minOffset(queue: MessageQueue): Promise<number> {
    this.#assertRunning();
    return this.#anyQueue.offsets.min(queue);
  }

  /** Offset that the next message will get. Errors: NO_ROUTE; those of the broker. */
  async maxOffset(queue: MessageQueue): Promise<number> {
    this.#assertRunning();
    return this.#anyQueue.offsets.max(queue);
  }

  /** Offset of the first message stored at or after a time, ms since epoch. Errors: NO_ROUTE; those of the broker. */
  async offsetForTimestamp(queue: MessageQueue, timestampMs: number): Promise<number> {
    this.#assertRunning();
    assertWholeNumber('timestampMs', timestampMs, 0);
    return this.#anyQueue.offsets.atTime(queue, timestampMs);
  }

  /** The queues of a topic that can be read, sorted. Errors: NO_ROUTE when no broker has the topic. */
  async fetchMessageQueues(topic: string): Promise<MessageQueue[]> {
    this.#assertRunning();
    return this.#anyQueue.queues(topic);
  }

  /**
   * Leaves the group: ends the polls that wait, reports progress (see the class for which), and says good-bye, so that other
   * members take over at once. What was prefetched is left to them.
   */
  shutdown(): Promise<void> {
    this.#shuttingDown ??= this.#shutdown();
    return this.#shuttingDown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #shutdown(): Promise<void> {
    this.#state = 'closed';
    this.#member.stop();
    this.#polling.end();
    await this.#member.leave();
    this.#localOffsets?.close();
  }

  #assignmentChanged(change: AssignmentChange): void {
    this.#polling.assignmentChanged(change);
    this.#tell('assignmentChange', () => this.#onAssignmentChange?.(change));
  }

  /** What a listener throws is its own matter, and so is what the promise of one that is async is rejected with. */
  #tell(event: string, listener: () => unknown): void {
    const failed = (error: unknown): void =>
      this.#member.client.settings.logger.error('a listener of the consumer failed', {
        event,
        error,
      });
    try {
      Promise.resolve(listener()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #expression(topic: string) {
    const { clock } = this.#member.client.settings;
    return subscriptionOf(topic, this.#expressions.get(topic) ?? SUBSCRIBE_ALL, clock.now());
  }

  /** Errors: QUEUE_NOT_ASSIGNED for the first that is not this consumer's. */
  #pullers(queues: readonly MessageQueue[]): QueuePuller[] {
    return queues.map((queue) => assignedPuller(this.#member.assignment, queue));
  }

  #assertMode(mode: 'subscribe' | 'assign'): void {
    if (this.#mode === 'none' || this.#mode === mode) return;
    throw new MqError(
      'INVALID_ARGUMENT',
      this.#mode === 'assign'
        ? 'queues are assigned to this consumer by hand: it cannot subscribe to topics, too'
        : 'this consumer subscribes to topics: queues cannot be assigned to it by hand, too',
    );
  }

  #assertOpen(): void {
    if (this.#state === 'closed') throw clientClosed();
  }

  #assertRunning(): void {
    this.#assertOpen();
    if (this.#state === 'running') return;
    throw new MqError('INVALID_ARGUMENT', 'the consumer is not started: call start first');
  }
}
