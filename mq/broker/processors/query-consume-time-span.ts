import { encodeConsumeTimeSpans, type QueueTimeSpan } from '../../protocol/consume-time-span.ts';
import { queryConsumeTimeSpan } from '../../protocol/requests/query-consume-time-span.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { topicNotExist } from '../refusals.ts';

/**
 * QUERY_CONSUME_TIME_SPAN: how old a group's backlog is, queue by queue.
 *
 * Source: RocketMQ 5.3 AdminBrokerProcessor.queryConsumeTimeSpan.
 */
export function queryConsumeTimeSpanProcessor(context: BrokerContext): Processor {
  return (request) => {
    const { topic, group } = queryConsumeTimeSpan.decodeRequest(request.extFields);
    const known = context.topics.get(topic);
    if (known === undefined) throw topicNotExist(topic, context.config.autoCreateTopicEnable);
    const spans = Array.from({ length: known.writeQueueNums }, (_, queueId) =>
      timeSpan(context, topic, group, queueId),
    );
    return { code: ResponseCode.SUCCESS, body: encodeConsumeTimeSpans(spans) };
  };
}

function timeSpan(
  { clock, config, offsets, store }: BrokerContext,
  topic: string,
  group: string,
  queueId: number,
): QueueTimeSpan {
  const timeOf = (queueOffset: number): number => store.storeTimeOf(topic, queueId, queueOffset);
  const maxOffset = store.maxOffset(topic, queueId);
  const consumerOffset = offsets.query(group, topic, queueId) ?? 0;
  const minTimeStamp = store.earliestStoreTime(topic, queueId);
  // What the group would get next, when what it wants is no longer kept.
  const nextOffset = Math.max(consumerOffset, store.minOffset(topic, queueId));
  return {
    messageQueue: { topic, brokerName: config.brokerName, queueId },
    minTimeStamp,
    maxTimeStamp: timeOf(maxOffset - 1),
    consumeTimeStamp: consumerOffset > 0 ? timeOf(consumerOffset - 1) : minTimeStamp,
    delayTime: nextOffset < maxOffset ? Math.max(0, clock.now() - timeOf(nextOffset)) : 0,
  };
}
