import { MqError } from '../../errors.ts';
import { isOneway } from '../../protocol/frame.ts';
import { assertGroupName } from '../../protocol/names.ts';
import { updateConsumerOffset } from '../../protocol/requests/update-consumer-offset.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { assertNotOwnGroup } from '../own-groups.ts';
import { invalidParameter, topicNotExist, VERSION_5 } from '../refusals.ts';

/**
 * Serves UPDATE_CONSUMER_OFFSET.
 *
 * What members report from before a reset does not count; they need not know, and are told that all is well.
 *
 * Progress in a topic or queue that does not exist is not stored: were the topic created later, the group would be sent past
 * its first messages. Clients older than 5.0 are not told, because they take the refusal for a broken broker.
 *
 * Source: RocketMQ 4.9 and 5.3 ConsumerManageProcessor.updateConsumerOffset.
 */
export function updateConsumerOffsetProcessor(context: BrokerContext): Processor {
  return (request, connection) => {
    const { consumerGroup, topic, queueId, commitOffset } = updateConsumerOffset.decodeRequest(
      request.extFields,
    );
    if (queueId < 0) throw invalidParameter(request, `queueId ${queueId} is below 0`);
    if (commitOffset < 0)
      throw invalidParameter(request, `commitOffset ${commitOffset} is below 0`);
    assertGroupName(consumerGroup);
    assertNotOwnGroup(consumerGroup);
    const known = context.topics.get(topic);
    const isTopicKnown = known !== undefined;
    if (request.version >= VERSION_5) {
      if (!isTopicKnown) throw topicNotExist(topic, context.config.autoCreateTopicEnable);
      if (!context.groups.has(consumerGroup)) {
        throw new MqError(
          'SUBSCRIPTION_GROUP_NOT_EXIST',
          `subscription group [${consumerGroup}] does not exist`,
        );
      }
    }
    // A queue that the topic no longer has may still be drained; one it never had would be kept for nothing.
    const isQueueKnown =
      known !== undefined &&
      (queueId < Math.max(known.readQueueNums, known.writeQueueNums) ||
        context.store.maxOffset(topic, queueId) > 0);
    if (!isQueueKnown) return { code: ResponseCode.SUCCESS };
    const queue = { group: consumerGroup, topic, queueId };
    const client = connection.peer;
    const isTaken = context.offsets.commit({ ...queue, queueOffset: commitOffset, client });
    if (isTaken) return { code: ResponseCode.SUCCESS };
    if (isOneway(request) || context.consumers.get(consumerGroup) !== undefined) {
      return { code: ResponseCode.SUCCESS, remark: 'Offset has been previously reset' };
    }
    // Members report oneway, or have joined before they do. This is a tool that moves a stopped group once more.
    context.offsets.reset(queue, commitOffset);
    return { code: ResponseCode.SUCCESS };
  };
}
