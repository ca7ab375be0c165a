import { encodeConsumeStats, type QueueConsumeStats } from '../../protocol/consume-stats.ts';
import type { MessageQueue } from '../../protocol/message-queue.ts';
import { getConsumeStats } from '../../protocol/requests/get-consume-stats.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { rateKey } from '../../rates.ts';

/**
 * GET_CONSUME_STATS: how far a group has come. Of a group that is online, topics it does not subscribe to any more are left
 * out, unless they are asked for in a list.
 *
 * Source: RocketMQ 5.3 AdminBrokerProcessor.getConsumeStats.
 */
export function getConsumeStatsProcessor(context: BrokerContext): Processor {
  return (request) => {
    const { consumerGroup, topic, topicList } = getConsumeStats.decodeRequest(request.extFields);
    const listed = (topicList ?? '').split(';').filter((each) => each !== '');
    const topics = listed.length > 0 ? listed : subscribedTopics(context, consumerGroup, topic);
    const queues = new Map<MessageQueue, QueueConsumeStats>();
    let consumeTps = 0;
    for (const each of new Set(topics)) {
      const readQueueNums = context.topics.get(each)?.readQueueNums ?? 0;
      for (let queueId = 0; queueId < readQueueNums; queueId++) {
        queues.set(
          { topic: each, brokerName: context.config.brokerName, queueId },
          statsOf(context, consumerGroup, each, queueId),
        );
      }
      consumeTps += context.getRates.perSecond(rateKey(each, consumerGroup));
    }
    return { code: ResponseCode.SUCCESS, body: encodeConsumeStats(queues, consumeTps) };
  };
}

function subscribedTopics(
  { consumers, offsets }: BrokerContext,
  group: string,
  topic: string | undefined,
): string[] {
  const topics = topic === undefined || topic === '' ? offsets.topicsOf(group) : [topic];
  const subscriptions = consumers.get(group)?.subscriptions;
  if (subscriptions === undefined || subscriptions.size === 0) return topics;
  return topics.filter((each) => subscriptions.has(each));
}

function statsOf(
  { offsets, store }: BrokerContext,
  group: string,
  topic: string,
  queueId: number,
): QueueConsumeStats {
  const consumerOffset = offsets.query(group, topic, queueId) ?? 0;
  return {
    brokerOffset: store.maxOffset(topic, queueId),
    consumerOffset,
    pullOffset: Math.max(consumerOffset, offsets.pulledAt({ group, topic, queueId }) ?? 0),
    lastTimestamp: Math.max(0, store.storeTimeOf(topic, queueId, consumerOffset - 1)),
  };
}
