import { MqError } from '../errors.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import { MAX_TOPIC_BYTES } from '../protocol/message.ts';
import { isHeldBack, popRetryTopic } from '../protocol/names.ts';
import { Permission } from '../protocol/sys-flag.ts';
import type { TopicConfig } from '../protocol/topic-config.ts';
import type { BrokerContext } from './broker-context.ts';
import { invalidParameter, topicNotExist } from './refusals.ts';

/**
 * Decides whether a group may pop from a queue, or from all queues of a topic (−1).
 *
 * Errors: NO_PERMISSION, TOPIC_NOT_EXIST, INVALID_PARAMETER, SUBSCRIPTION_GROUP_NOT_EXIST.
 * Source: RocketMQ 5.3 PopMessageProcessor.java, texts included.
 */
export function admitPop(
  context: BrokerContext,
  request: RemotingCommand,
  pop: { readonly consumerGroup: string; readonly topic: string; readonly queueId: number },
): TopicConfig {
  const { config } = context;
  const { consumerGroup, topic: topicName, queueId } = pop;
  if ((config.brokerPermission & Permission.READ) === 0) {
    throw new MqError('NO_PERMISSION', `the broker[${config.brokerName}] pop message is forbidden`);
  }
  const topic = context.topics.get(topicName);
  if (topic === undefined) throw topicNotExist(topicName, config.autoCreateTopicEnable);
  if ((topic.perm & Permission.READ) === 0) {
    throw new MqError(
      'NO_PERMISSION',
      `the topic[${topicName}] peeking message is forbidden: its perm is ${topic.perm}`,
    );
  }
  // What is popped and not acknowledged would be delivered: a half message before its commit, a delayed one before its time.
  if (isHeldBack(topicName)) {
    throw new MqError('NO_PERMISSION', `messages of topic[${topicName}] cannot be popped`);
  }
  if (queueId < -1 || queueId >= topic.readQueueNums) {
    throw invalidParameter(
      request,
      `queueId[${queueId}] is illegal, topic:[${topicName}] topicConfig.readQueueNums:[${topic.readQueueNums}] ` +
        `consumer:[${consumerGroup}]`,
    );
  }
  const group = context.groups.get(consumerGroup);
  if (group === undefined) {
    throw new MqError(
      'SUBSCRIPTION_GROUP_NOT_EXIST',
      `subscription group [${consumerGroup}] does not exist, and autoCreateSubscriptionGroup is false`,
    );
  }
  if (!group.consumeEnable) {
    throw new MqError(
      'NO_PERMISSION',
      `subscription group no permission, ${consumerGroup}: consumeEnable is false`,
    );
  }
  const retryTopic = popRetryTopic(topicName, consumerGroup);
  if (retryTopic.length > MAX_TOPIC_BYTES) {
    // Refused now: once popped, nothing of it could come again.
    throw invalidParameter(
      request,
      `topic ${topicName} cannot be popped by group ${consumerGroup}: the name of the retry topic ` +
        `would have ${retryTopic.length} characters, more than ${MAX_TOPIC_BYTES}`,
    );
  }
  return topic;
}
