import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { assertTopicName } from '../protocol/names.ts';
import { SUBSCRIBE_ALL, subscriptionOf, type MessageSelector } from '../protocol/subscription.ts';
import { assertDuration, assertWholeNumber } from './argument-checks.ts';
import type { GroupMember } from './group-member.ts';
import { QueueOffsets } from './queue-offsets.ts';
import { pullOnce, readPull, type PullResult } from './single-pull.ts';
import { readableQueues } from './topic-queues.ts';

export interface PullOptions {
  /** Default 32; the broker has a limit of its own. */
  maxCount?: number;
  /** As of a subscription. Default `*`. */
  expression?: MessageSelector;
  /** How long to wait while there is nothing, at most 110,000. Default 0: not at all. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface AnyQueueOptions {
  member: GroupMember;
  consumerGroup: string;
  maxBodyBytes: number;
}

/** A connection on which nothing else comes is closed after 2 minutes. */
const LONGEST_HOLD_MS = 110_000;

/** What a member of a group may read of any queue, whoever owns it. */
export class AnyQueue {
  readonly offsets: QueueOffsets;
  readonly #options: AnyQueueOptions;

  constructor(options: AnyQueueOptions) {
    const { member } = options;
    this.#options = options;
    this.offsets = new QueueOffsets(member.client, (queue) => member.addressOf(queue));
  }

  /** The queues of a topic that can be read, sorted. Errors: NO_ROUTE when no broker has the topic. */
  async queues(topic: string): Promise<MessageQueue[]> {
    assertTopicName(topic);
    const route = await this.#options.member.route(topic);
    if (route !== undefined) return readableQueues(topic, route);
    throw new MqError('NO_ROUTE', `topic ${topic} does not exist on any broker`, {
      details: { topic },
    });
  }

  /** See `LitePullConsumer.pull`. */
  async pull(queue: MessageQueue, queueOffset: number, options: PullOptions): Promise<PullResult> {
    const { maxCount = 32, expression = SUBSCRIBE_ALL, timeoutMs = 0, signal } = options;
    const { member, consumerGroup, maxBodyBytes } = this.#options;
    const { client, watch } = member;
    assertTopicName(queue.topic);
    assertWholeNumber('queueOffset', queueOffset, 0);
    assertWholeNumber('maxCount', maxCount, 1);
    assertDuration('timeoutMs', timeoutMs, LONGEST_HOLD_MS);
    const subscription = subscriptionOf(queue.topic, expression, client.settings.clock.now());
    try {
      const pull = {
        address: await member.addressOf(queue),
        consumerGroup,
        queue,
        queueOffset,
        maxMsgNums: maxCount,
        subscription,
        holdMs: timeoutMs,
        signal,
      };
      return await readPull(await pullOnce(client, pull), pull, maxBodyBytes);
    } catch (error) {
      // Its broker may have moved.
      if (MqError.is(error) && error.retriable) watch.doubt(queue.topic);
      throw error;
    }
  }
}
