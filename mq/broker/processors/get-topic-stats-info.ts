import { getTopicStatsInfo } from '../../protocol/requests/get-topic-stats-info.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { encodeTopicStats } from '../../protocol/topic-stats.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { topicNotExist } from '../refusals.ts';

/**
 * GET_TOPIC_STATS_INFO: what each queue of a topic holds, the queues included that are only read or only written.
 *
 * Source: RocketMQ 5.3 AdminBrokerProcessor.getTopicStatsInfo.
 */
export function getTopicStatsInfoProcessor(context: BrokerContext): Processor {
  const { config, store, topics, putRates } = context;
  return (request) => {
    const { topic } = getTopicStatsInfo.decodeRequest(request.extFields);
    const known = topics.get(topic);
    if (known === undefined) throw topicNotExist(topic, config.autoCreateTopicEnable);
    const { brokerName } = config;
    const queueCount = Math.max(known.readQueueNums, known.writeQueueNums);
    const queues = Array.from({ length: queueCount }, (_, queueId) => {
      const maxOffset = store.maxOffset(topic, queueId);
      const stats = {
        minOffset: store.minOffset(topic, queueId),
        maxOffset,
        lastUpdateTimestamp: Math.max(0, store.storeTimeOf(topic, queueId, maxOffset - 1)),
      };
      return [{ topic, brokerName, queueId }, stats] as const;
    });
    return {
      code: ResponseCode.SUCCESS,
      body: encodeTopicStats(new Map(queues), putRates.perSecond(topic)),
    };
  };
}
