import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { assertGroupName, dlqTopic } from '../protocol/names.ts';
import { getMaxOffset } from '../protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../protocol/requests/get-min-offset.ts';
import { oneOf, wholeNumber } from './client-options.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { storedOffset } from './group-offsets.ts';
import type { MqClient } from './mq-client.ts';
import { readQueue, type QueueStretch } from './queue-reader.ts';
import { shownMessage } from './shown-message.ts';
import type { SubscriptionGroupAdmin } from './subscription-group-admin.ts';
import { readableQueues } from './topic-queues.ts';

export interface DlqOptions {
  /** Default 1000. */
  maxCount?: number;
  /** Default OLDEST_FIRST: as a redrive of 'all' takes them. */
  order?: 'OLDEST_FIRST' | 'NEWEST_FIRST';
  /** Of that order, how many before the wanted ones: to go through them in pages. Default 0. */
  skip?: number;
}

/** Finds and reads the dead-letter queues of consumer groups, of which every broker has its own. */
export class DeadLetterQueues {
  readonly #client: MqClient;
  readonly #cluster: ClusterView;
  readonly #groups: SubscriptionGroupAdmin;

  constructor(client: MqClient, cluster: ClusterView, groups: SubscriptionGroupAdmin) {
    this.#client = client;
    this.#cluster = cluster;
    this.#groups = groups;
  }

  /** Dead letters behind the redrive progress. Errors: INVALID_ARGUMENT; as `stretches`. */
  async list(group: string, options: DlqOptions = {}): Promise<ConsumedMessage[]> {
    const limit = wholeNumber('maxCount', options.maxCount ?? 1000, 1);
    const skip = wholeNumber('skip', options.skip ?? 0);
    const order = oneOf('order', options.order ?? 'OLDEST_FIRST', ['OLDEST_FIRST', 'NEWEST_FIRST']);
    const stretches = await this.stretches(group);
    // Which of several queues' letters come before the wanted ones only their times say: there all of them are read.
    const [unread, passedOver] = stretches.length === 1 ? [skip, 0] : [0, skip];
    const wantedCount = passedOver + limit;
    const found: ConsumedMessage[] = [];
    for (const stretch of stretches) {
      const part = partOf(stretch, { order, unread, wantedCount });
      for await (const record of this.records(part, wantedCount)) {
        found.push(await shownMessage(this.#client, record, stretch.queue.brokerName));
      }
    }
    const inOrder = found.toSorted((left, right) => left.storeTimestamp - right.storeTimestamp);
    if (order === 'NEWEST_FIRST') inOrder.reverse();
    return inOrder.slice(passedOver, wantedCount);
  }

  /** How many `list` would return without a limit; none of them is read. Errors: as `stretches`. */
  async count(group: string): Promise<number> {
    const stretches = await this.stretches(group);
    return stretches.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
  }

  /**
   * The group's dead-letter queues from its progress to their ends.
   *
   * Errors: INVALID_ARGUMENT; SUBSCRIPTION_GROUP_NOT_EXIST; NO_PERMISSION when the topic is not readable.
   */
  async stretches(group: string): Promise<QueueStretch[]> {
    assertGroupName(group);
    const topic = dlqTopic(group);
    const route = await this.#cluster.topicRoute(topic);
    if (route === undefined) {
      await this.assertGroup(group);
      return [];
    }
    const queues = readableQueues(topic, route);
    if (queues.length === 0) {
      const perms = route.queueDatas.map(({ brokerName, perm }) => `${perm} on ${brokerName}`);
      throw new MqError(
        'NO_PERMISSION',
        `topic ${topic} cannot be read: its perm is ${perms.join(', ')}; 6 would do`,
      );
    }
    return Promise.all(queues.map((queue) => this.#stretch(group, queue)));
  }

  /** At most so many records of a stretch, from its beginning. Errors: as `readQueue`. */
  async *records(stretch: QueueStretch, maxCount: number): AsyncGenerator<MessageExt> {
    let left = maxCount;
    if (left <= 0) return;
    for await (const page of readQueue(this.#client, stretch)) {
      for (const record of page) {
        yield record;
        if (--left <= 0) return;
      }
    }
  }

  /** Errors: SUBSCRIPTION_GROUP_NOT_EXIST when no broker knows the group, nor has dead letters of it. */
  async assertGroup(group: string): Promise<void> {
    assertGroupName(group);
    if ((await this.#cluster.topicRoute(dlqTopic(group))) !== undefined) return;
    const groups = await this.#groups.list();
    if (groups.some(({ groupName }) => groupName === group)) return;
    throw new MqError(
      'SUBSCRIPTION_GROUP_NOT_EXIST',
      `no broker knows a consumer group ${group}, and there is no topic ${dlqTopic(group)}`,
      { details: { group } },
    );
  }

  async #stretch(consumerGroup: string, queue: MessageQueue): Promise<QueueStretch> {
    const { topic, queueId } = queue;
    const address = await this.#cluster.addressOf(queue);
    const [min, max, progress] = await Promise.all([
      this.#client.call(address, getMinOffset, { topic, queueId }),
      this.#client.call(address, getMaxOffset, { topic, queueId }),
      storedOffset(this.#client, { address, consumerGroup, queue }),
    ]);
    const from = Math.max(min.header.offset, progress ?? 0);
    return { address, queue, from, to: max.header.offset };
  }
}

/** Without the `unread` ones at the end that the order begins with, and with no more than are wanted of the newest. */
function partOf(
  stretch: QueueStretch,
  {
    order,
    unread,
    wantedCount,
  }: { order: DlqOptions['order']; unread: number; wantedCount: number },
): QueueStretch {
  if (order === 'OLDEST_FIRST') return { ...stretch, from: stretch.from + unread };
  const to = stretch.to - unread;
  return { ...stretch, from: Math.max(stretch.from, to - wantedCount), to };
}
