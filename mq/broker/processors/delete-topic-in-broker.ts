import { popRetryTopic } from '../../protocol/names.ts';
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
    const retryTopics = redeliveriesOf(context, topic);
    const wasKnown = await context.topics.delete(topic);
    context.popping.topicDeleted(topic);
    for (const each of [topic, ...retryTopics]) {
      if (each !== topic) await context.topics.delete(each);
      await context.store.deleteTopic(each);
      context.offsets.removeTopic(each);
      context.traffic.topicDeleted(each);
    }
    await context.requestModes.removeTopic(topic);
    await context.offsets.persist();
    if (wasKnown) context.logger.info(`topic ${topic} deleted`);
    return { code: ResponseCode.SUCCESS };
  };
}

/**
 * Where messages of the topic come again that groups have popped. `%RETRY%a_b_c` may be of a topic b_c, or of a topic c and a
 * group a_b: while both topics are there, it stays.
 */
function redeliveriesOf({ topics, offsets }: BrokerContext, topic: string): string[] {
  return offsets
    .groupsOf(topic)
    .map((group) => popRetryTopic(topic, group))
    .filter((retryTopic) => {
      if (topics.get(retryTopic) === undefined) return false;
      const others = [...topics.all()].filter(({ topicName }) => topicName !== topic);
      return !others.some(({ topicName }) => retryTopic.endsWith(`_${topicName}`));
    });
}
