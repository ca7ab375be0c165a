import { MqError } from '../../errors.ts';
import { readRecordHeader } from '../../protocol/message.ts';
import { parseOffsetMsgId } from '../../protocol/message-id.ts';
import { consumeMessageDirectly } from '../../protocol/requests/consume-message-directly.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { callConsumer } from '../call-consumer.ts';

/**
 * CONSUME_MESSAGE_DIRECTLY: has a consumer run its listener on a stored message at once.
 *
 * Errors: INVALID_ARGUMENT for what is no offsetMsgId; SYSTEM_ERROR when no message begins there; see callConsumer.
 * Source: RocketMQ 5.3 AdminBrokerProcessor.consumeMessageDirectly.
 */
export function consumeMessageDirectlyProcessor(context: BrokerContext): Processor {
  return async (request) => {
    const { code, extFields } = request;
    const wanted = consumeMessageDirectly.decodeRequest(extFields);
    const { consumerGroup, clientId = '', msgId = '', topic } = wanted;
    const { commitLogOffset } = parseOffsetMsgId(msgId);
    const body = await context.store.readRecord(commitLogOffset);
    if (body === undefined || readRecordHeader(body).commitLogOffset !== commitLogOffset) {
      throw new MqError('SYSTEM_ERROR', `can not find message by the offset, ${commitLogOffset}`);
    }
    const topicSysFlag = topic === undefined ? undefined : context.topics.get(topic)?.topicSysFlag;
    const groupSysFlag = context.groups.find(consumerGroup)?.groupSysFlag;
    return callConsumer(context, {
      code,
      consumerGroup,
      clientId,
      extFields: {
        ...extFields,
        ...consumeMessageDirectly.encodeRequest({
          consumerGroup,
          brokerName: context.config.brokerName,
          ...(topicSysFlag !== undefined && { topicSysFlag }),
          ...(groupSysFlag !== undefined && { groupSysFlag }),
        }),
      },
      body,
    });
  };
}
