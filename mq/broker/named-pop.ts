import { MqError } from '../errors.ts';
import { decodePopHandle, POP_ORDER_REVIVE_QUEUE } from '../protocol/pop-handle.ts';
import type { BrokerContext } from './broker-context.ts';
import type { PopName } from './pops.ts';
import { topicNotExist } from './refusals.ts';

/** What ACK_MESSAGE and CHANGE_MESSAGE_INVISIBLETIME say about the message they are for. */
export interface NamedMessage {
  readonly consumerGroup: string;
  /** The retry topic for a redelivery. */
  readonly topic: string;
  readonly queueId: number;
  readonly extraInfo: string;
  /** queueOffset of the message. */
  readonly offset: number;
}

/**
 * The pop that a request speaks of; its message may be in a queue of this broker.
 *
 * Errors: TOPIC_NOT_EXIST, MESSAGE_ILLEGAL (queueId), NO_MESSAGE (offset outside the queue), INVALID_ARGUMENT (extraInfo).
 * Source: RocketMQ 5.3 AckMessageProcessor.java, ChangeInvisibleTimeProcessor.java, texts included.
 */
export function namedPop(
  context: BrokerContext,
  named: NamedMessage,
): { name: PopName; isOrdered: boolean; reviveQid: number } {
  const { consumerGroup, topic: topicName, queueId, offset } = named;
  const topic = context.topics.get(topicName);
  if (topic === undefined) throw topicNotExist(topicName, context.config.autoCreateTopicEnable);
  // A queue that the topic no longer has may still have messages that are invisible.
  const minOffset = context.store.minOffset(topicName, queueId);
  const maxOffset = context.store.maxOffset(topicName, queueId);
  if (queueId < 0 || (queueId >= topic.readQueueNums && maxOffset === 0)) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `queueId[${queueId}] is illegal, topic:[${topicName}] topicConfig.readQueueNums:[${topic.readQueueNums}] ` +
        `consumer:[${consumerGroup}]`,
    );
  }
  if (offset < minOffset || offset >= Math.max(1, maxOffset)) {
    throw new MqError(
      'NO_MESSAGE',
      `offset is illegal, key:${topicName}@${queueId}, commit:${offset}, store:${minOffset}~${maxOffset}`,
    );
  }
  const { startOffset, popTime, reviveQid } = decodePopHandle(named.extraInfo);
  return {
    name: { consumerGroup, topic: topicName, queueId, startOffset, popTime },
    isOrdered: reviveQid === POP_ORDER_REVIVE_QUEUE,
    reviveQid,
  };
}

/**
 * Acknowledges messages of one pop, ordered or not.
 *
 * Errors: MESSAGE_ILLEGAL for a message that the ordered pop did not have; the store's refusal.
 */
export async function ackPopped(
  context: BrokerContext,
  name: PopName,
  isOrdered: boolean,
  queueOffsets: readonly number[],
): Promise<void> {
  if (!isOrdered) {
    await context.popping.pops.ack(name, queueOffsets);
    return;
  }
  const { offsets } = context;
  const { popOrder, popWaits } = context.popping;
  const { consumerGroup: group, topic, queueId, popTime } = name;
  for (const queueOffset of queueOffsets) {
    const open = popOrder.openOffset(name);
    const acked = popOrder.ack(name, queueOffset, popTime);
    if (acked === 'no-such-message') {
      throw new MqError(
        'MESSAGE_ILLEGAL',
        `offset is illegal, key:${topic}@${group}@${queueId}, commit:${queueOffset}: ` +
          `the pop of ${popTime} did not have it`,
      );
    }
    // After another pop of the same, or when the group's progress was set, an acknowledgement comes too late.
    if (acked === 'another-pop') continue;
    if (offsets.query(group, topic, queueId) !== open) continue;
    offsets.commit({ group, topic, queueId, queueOffset: acked.nextOffset, client: 'pop' });
  }
  if (!popOrder.isBlocked(name, undefined)) popWaits.wake(group, topic, queueId);
}
