import { MqError } from '../../errors.ts';
import { decodeBatchAck } from '../../protocol/batch-ack.ts';
import { POP_ORDER_REVIVE_QUEUE, topicOfHandle } from '../../protocol/pop-handle.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { ackPopped } from '../named-pop.ts';

/** BATCH_ACK_MESSAGE. What is named and not there is passed over, as in the original: the others are done all the same. */
export function batchAckMessageProcessor(context: BrokerContext): Processor {
  return async (request) => {
    const { acks } = decodeBatchAck(request.body);
    if (acks.length === 0) throw new MqError('NO_MESSAGE', 'a batch ack names no message');
    for (const ack of acks) {
      const { consumerGroup, queueId, startOffset, popTime, reviveQid, queueOffsets } = ack;
      const topic = topicOfHandle(ack, ack.topic, consumerGroup);
      const minOffset = context.store.minOffset(topic, queueId);
      const maxOffset = context.store.maxOffset(topic, queueId);
      const there = queueOffsets.filter((offset) => offset >= minOffset && offset < maxOffset);
      const name = { consumerGroup, topic, queueId, startOffset, popTime };
      const isOrdered = reviveQid === POP_ORDER_REVIVE_QUEUE;
      if (there.length > 0) await ackPopped(context, name, isOrdered, there);
    }
    return { code: ResponseCode.SUCCESS };
  };
}
