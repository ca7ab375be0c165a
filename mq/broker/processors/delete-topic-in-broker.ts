import { deleteTopicInBroker } from '../../protocol/requests/delete-topic-in-broker.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { invalidParameter } from '../refusals.ts';
import { isReservedTopic } from '../topic-configs.ts';

/**
 * DELETE_TOPIC_IN_BROKER: removes a topic, its queues and what consumer groups remember of it. Deleting a topic that
 * is not there succeeds: tools delete on every broker of a cluster.
 *
 * Errors: INVALID_PARAMETER for a system topic.
 */
export function deleteTopicInBrokerProcessor(context: BrokerContext): Processor {
  return async (request) => {
    const { topic } = deleteTopicInBroker.decodeRequest(request.extFields);
    if (isReservedTopic(topic, context.config)) {
      throw invalidParameter(request, `the topic[${topic}] is conflict with system topic`);
    }
    // The settings go first: from then on nothing can be sent to the queues that are being removed. What is left of a
    // deletion that a crash or a full disk cut short goes as well, or a topic of that name would begin with old messages.
    const wasKnown = await context.topics.delete(topic);
    await context.store.deleteTopic(topic);
    context.offsets.removeTopic(topic);
    await context.offsets.persist();
    if (wasKnown) context.logger.info(`topic ${topic} deleted`);
    return { code: ResponseCode.SUCCESS };
  };
}
