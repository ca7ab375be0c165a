import { totalmem } from 'node:os';
import { MqError } from '../../errors.ts';
import { readRecordHeader } from '../../protocol/message.ts';
import { queryConsumerOffset } from '../../protocol/requests/query-consumer-offset.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** accessMessageInMemoryMaxRatio of the original: what lies further back than this share of the RAM counts as on disk. */
const IN_MEMORY_RATIO = 0.4;

/**
 * Serves QUERY_CONSUMER_OFFSET.
 *
 * A group without progress starts at 0 when the queue is young: its first message is still there and in memory. So a
 * new CONSUME_FROM_LAST_OFFSET group misses nothing of a topic that was created a moment before it.
 *
 * Source: RocketMQ 4.9 ConsumerManageProcessor.queryConsumerOffset; setZeroIfNotFound as in 5.x.
 */
export function queryConsumerOffsetProcessor(context: BrokerContext): Processor {
  return async (request) => {
    const query = queryConsumerOffset.decodeRequest(request.extFields);
    const { consumerGroup, topic, queueId } = query;
    const stored = context.offsets.query(consumerGroup, topic, queueId);
    const mayStartAtZero = query.setZeroIfNotFound !== false;
    if (stored === undefined && !(mayStartAtZero && (await isYoung(context, topic, queueId)))) {
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

async function isYoung(context: BrokerContext, topic: string, queueId: number): Promise<boolean> {
  const { store } = context;
  if (store.minOffset(topic, queueId) > 0) return false;
  if (store.maxOffset(topic, queueId) <= 0) return true;
  const first = await store.get({ topic, queueId, queueOffset: 0, maxCount: 1, maxBytes: 1 });
  const record = first.buffers[0];
  if (record === undefined) return false;
  const { commitLogOffset } = readRecordHeader(record, 0);
  return store.maxCommitLogOffset - commitLogOffset <= totalmem() * IN_MEMORY_RATIO;
}
