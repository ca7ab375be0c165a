import { MqError } from '../errors.ts';
import { compareQueues, queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { assertGroupName, assertTopicName } from '../protocol/names.ts';
import { getMaxOffset } from '../protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../protocol/requests/get-min-offset.ts';
import { getSubscriptiongroupConfig } from '../protocol/requests/get-subscriptiongroup-config.ts';
import { invokeBrokerToResetOffset } from '../protocol/requests/invoke-broker-to-reset-offset.ts';
import { searchOffsetByTimestamp } from '../protocol/requests/search-offset-by-timestamp.ts';
import { decodeResetOffsets } from '../protocol/reset-offset-body.ts';
import { MASTER_ID } from '../protocol/route.ts';
import type { ClusterView } from './cluster-view.ts';
import { storedOffset, storeOffset } from './group-offsets.ts';
import type { MqClient } from './mq-client.ts';
import { readableQueues } from './topic-queues.ts';

/** The first message kept, the end, the first message stored at or after a time (ms since epoch), or an entry index. */
export type ResetPosition =
  'earliest' | 'latest' | { readonly timestampMs: number } | { readonly offset: number };

export interface ResetOffsetOptions {
  /** This queue only; required for a position that is an offset. Default: every queue of the topic. */
  queue?: { readonly brokerName: string; readonly queueId: number };
  /** false: queues are moved backwards only, and those that would go forward stay where they are. Default true. */
  force?: boolean;
}

/** What became of one queue. */
export interface QueueReset {
  messageQueue: MessageQueue;
  /** Where the group would have gone on; undefined when it had no progress there. */
  from: number | undefined;
  to: number;
}

interface QueueOnBroker {
  address: string;
  queue: MessageQueue;
  from: number | undefined;
  min: number;
  max: number;
}

const FROM_THE_FIRST = 0;
const FROM_THE_END = -1;

/**
 * Moves a consumer group, running or not, to another place in a topic.
 *
 * The broker does it, and sees to it that what members report meanwhile does not undo it. A 4.9 broker can only tell the
 * members; where there are none, their progress is set as it would be by them.
 *
 * Source: RocketMQ 5.3 DefaultMQAdminExtImpl.java (resetOffsetByTimestamp, resetOffsetByTimestampOld).
 */
export class OffsetResetter {
  readonly #client: MqClient;
  readonly #cluster: ClusterView;

  constructor(client: MqClient, cluster: ClusterView) {
    this.#client = client;
    this.#cluster = cluster;
  }

  /** Errors: see `Admin.resetOffset`. */
  async reset(
    consumerGroup: string,
    topic: string,
    position: ResetPosition,
    options: ResetOffsetOptions = {},
  ): Promise<QueueReset[]> {
    assertGroupName(consumerGroup);
    assertTopicName(topic);
    assertPosition(position, options);
    const queues = await this.#queues(consumerGroup, topic, options.queue);
    for (const queue of queues) assertWithin(position, queue);
    const byBroker = new Map<string, QueueOnBroker[]>();
    for (const queue of queues) {
      byBroker.set(queue.address, [...(byBroker.get(queue.address) ?? []), queue]);
    }
    const isWhole = options.queue === undefined && options.force !== false;
    const done: QueueReset[] = [];
    for (const ofBroker of byBroker.values()) {
      try {
        const moved = isWhole
          ? await this.#moveAll(consumerGroup, topic, position, ofBroker)
          : await this.#moveEach(consumerGroup, position, ofBroker, options.force !== false);
        done.push(...moved);
      } catch (cause) {
        if (done.length === 0 || !MqError.is(cause)) throw cause;
        throw new MqError(
          cause.code,
          `${done.length} of ${queues.length} queues of ${topic} are reset, ${done.map(({ messageQueue }) => queueKey(messageQueue)).join(', ')}; then: ${cause.message}`,
          { cause, retriable: cause.retriable, details: cause.details },
        );
      }
    }
    return done.toSorted((a, b) => compareQueues(a.messageQueue, b.messageQueue));
  }

  async #queues(
    consumerGroup: string,
    topic: string,
    only: ResetOffsetOptions['queue'],
  ): Promise<QueueOnBroker[]> {
    const route = await this.#cluster.route(topic);
    const all = readableQueues(topic, route);
    const chosen = all.filter(
      (queue) =>
        only === undefined ||
        (queue.brokerName === only.brokerName && queue.queueId === only.queueId),
    );
    if (chosen.length === 0) {
      throw new MqError(
        'INVALID_ARGUMENT',
        only === undefined
          ? `${topic} has no queue that consumers may read`
          : `${topic} has no queue ${only.brokerName}:${only.queueId}; it has ${all.map(({ brokerName, queueId }) => `${brokerName}:${queueId}`).join(', ')}`,
        { details: { topic, ...only } },
      );
    }
    return Promise.all(
      chosen.map(async (queue) => {
        const broker = route.brokerDatas.find(({ brokerName }) => brokerName === queue.brokerName);
        // A slave takes no progress.
        const address = broker?.brokerAddrs.get(MASTER_ID);
        if (address === undefined) {
          throw new MqError('NO_ROUTE', `broker ${queue.brokerName} has no master in the route`, {
            retriable: true,
            details: { topic, brokerName: queue.brokerName },
          });
        }
        const { queueId } = queue;
        const [from, min, max] = await Promise.all([
          storedOffset(this.#client, { address, consumerGroup, queue }),
          this.#client.call(address, getMinOffset, { topic, queueId }),
          this.#client.call(address, getMaxOffset, { topic, queueId }),
        ]);
        // The original says −1 for the first offset of a queue that never held anything.
        return {
          address,
          queue,
          from,
          min: Math.max(0, min.header.offset),
          max: max.header.offset,
        };
      }),
    );
  }

  /** All queues of one broker at once: it looks the places up itself. */
  async #moveAll(
    group: string,
    topic: string,
    position: ResetPosition,
    queues: readonly QueueOnBroker[],
  ): Promise<QueueReset[]> {
    const [first] = queues;
    if (first === undefined) return [];
    try {
      const { body } = await this.#client.call(first.address, invokeBrokerToResetOffset, {
        topic,
        group,
        timestamp: timestampOf(position),
        isForce: true,
        queueId: -1,
        offset: -1,
      });
      return outcomes(queues, decodeResetOffsets(body));
    } catch (error) {
      if (!MqError.is(error) || error.code !== 'CONSUMER_NOT_ONLINE') throw error;
      return Promise.all(
        queues.map(async (queue) => {
          const to = await this.#target(position, queue);
          await storeOffset(this.#client, { ...queue, consumerGroup: group }, to);
          return { messageQueue: queue.queue, from: queue.from, to };
        }),
      );
    }
  }

  async #moveEach(
    group: string,
    position: ResetPosition,
    queues: readonly QueueOnBroker[],
    isForced: boolean,
  ): Promise<QueueReset[]> {
    await this.#assertMovesSingleQueues(group, queues);
    const moved: QueueReset[] = [];
    for (const queue of queues) {
      const { topic, queueId } = queue.queue;
      const to = await this.#target(position, queue);
      if (!isForced && queue.from !== undefined && to >= queue.from) {
        moved.push({ messageQueue: queue.queue, from: queue.from, to: queue.from });
        continue;
      }
      const { body } = await this.#client.call(queue.address, invokeBrokerToResetOffset, {
        topic,
        group,
        timestamp: FROM_THE_FIRST,
        isForce: true,
        queueId,
        offset: to,
      });
      moved.push(...outcomes([queue], decodeResetOffsets(body)));
    }
    return moved;
  }

  /** A 4.9 broker would take no notice of the queueId and reset them all. It does not know this question either. */
  async #assertMovesSingleQueues(group: string, queues: readonly QueueOnBroker[]): Promise<void> {
    for (const address of new Set(queues.map((queue) => queue.address))) {
      try {
        await this.#client.call(address, getSubscriptiongroupConfig, { group });
      } catch (error) {
        if (!MqError.is(error) || error.code !== 'REQUEST_CODE_NOT_SUPPORTED') throw error;
        throw new MqError(
          'VERSION_NOT_SUPPORTED',
          `the broker ${address} is older than 5.0, which resets all queues of a topic or none`,
          { cause: error, details: { address } },
        );
      }
    }
  }

  async #target(position: ResetPosition, { address, queue, min, max }: QueueOnBroker) {
    if (position === 'earliest') return min;
    if (position === 'latest') return max;
    if ('offset' in position) return position.offset;
    const { topic, queueId } = queue;
    const { header } = await this.#client.call(address, searchOffsetByTimestamp, {
      topic,
      queueId,
      timestamp: position.timestampMs,
    });
    return header.offset;
  }
}

function outcomes(
  queues: readonly QueueOnBroker[],
  offsets: ReadonlyMap<MessageQueue, number>,
): QueueReset[] {
  const byKey = new Map(Array.from(offsets, ([queue, offset]) => [queueKey(queue), offset]));
  return queues.flatMap(({ queue, from }) => {
    const to = byKey.get(queueKey(queue));
    return to === undefined ? [] : [{ messageQueue: queue, from, to }];
  });
}

function timestampOf(position: ResetPosition): number {
  if (position === 'earliest') return FROM_THE_FIRST;
  if (position === 'latest' || 'offset' in position) return FROM_THE_END;
  return position.timestampMs;
}

function assertPosition(position: ResetPosition, options: ResetOffsetOptions): void {
  if (position === 'earliest' || position === 'latest') return;
  const [name, value] =
    'offset' in position ? ['offset', position.offset] : ['timestampMs', position.timestampMs];
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new MqError('INVALID_ARGUMENT', `${name} is ${value}, it must be an integer ≥ 0`, {
      details: { [name]: value },
    });
  }
  if ('offset' in position && options.queue === undefined) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `offset ${position.offset} is a place in one queue, and no queue is given`,
    );
  }
}

function assertWithin(position: ResetPosition, { queue, min, max }: QueueOnBroker): void {
  if (typeof position !== 'object' || !('offset' in position)) return;
  const { offset } = position;
  if (offset >= min && offset <= max) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    offset > max
      ? `offset ${offset} is past the end of ${queueKey(queue)}, which is ${max}`
      : `offset ${offset} of ${queueKey(queue)} is no longer kept; the first that is, is ${min}`,
    { details: { offset, minOffset: min, maxOffset: max } },
  );
}
