import { MqError } from '../../errors.ts';
import { queryConsumerOffset } from '../../protocol/requests/query-consumer-offset.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { isYoung } from '../young-queue.ts';

/**
 * Serves QUERY_CONSUMER_OFFSET.
 *
 * A group without progress starts at 0 when the queue is young: its first message is still there and in memory. So a
 * new CONSUME_FROM_LAST_OFFSET group misses nothing of a topic that was created a moment before it.
 *
 * Source: RocketMQ 4.9 ConsumerManageProcessor.queryConsumerOffset; setZeroIfNotFound as in 5.x.
 */
export function queryConsumerOffsetProcessor(context: BrokerContext): Processor {
  return async (request, connection) => {
    const query = queryConsumerOffset.decodeRequest(request.extFields);
    const { consumerGroup, topic, queueId } = query;
    context.offsets.pendingReset({ group: consumerGroup, topic, queueId })?.inform(connection);
    const stored = context.offsets.query(consumerGroup, topic, queueId);
    const mayStartAtZero = query.setZeroIfNotFound !== false;
    if (
      stored === undefined &&
      !(mayStartAtZero && (await isYoung(context.store, topic, queueId)))
    ) {
      throw new MqError(
        'QUERY_NOT_FOUND',
        `Not found: group ${consumerGroup} has no offset for ${topic} queue ${queueId}`,
      );
    }
    return {
      code: ResponseCode.SUCCESS,
      extFields: queryConsumerOffset.encodeResponse({ offset: stored ?? 0 }),
    };
  };
}
