import { MqError } from '../errors.ts';
import type { RequestOf } from '../protocol/define-request.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import type { pullMessage } from '../protocol/requests/pull-message.ts';
import {
  SUBSCRIBE_ALL,
  TAG_EXPRESSION,
  tagSubscription,
  type SubscriptionData,
} from '../protocol/subscription.ts';
import { Permission, PullSysFlag } from '../protocol/sys-flag.ts';
import type { BrokerContext } from './broker-context.ts';
import { invalidParameter, topicNotExist } from './refusals.ts';

export type Pull = RequestOf<typeof pullMessage>;

/**
 * Decides whether a consumer may pull from a queue, and returns the tag hashes it wants; undefined means all messages.
 *
 * Errors: NO_PERMISSION, SUBSCRIPTION_GROUP_NOT_EXIST, TOPIC_NOT_EXIST, INVALID_PARAMETER (queueId),
 *         SUBSCRIPTION_PARSE_FAILED, SUBSCRIPTION_NOT_EXIST, SUBSCRIPTION_NOT_LATEST; SYSTEM_ERROR for SQL92.
 *         A consumer that has just started may well be told SUBSCRIPTION_NOT_EXIST or _NOT_LATEST: its pull overtook its
 *         heartbeat, and it waits.
 * Source: RocketMQ 4.9 PullMessageProcessor.java, texts included.
 */
export function admitPull(
  context: BrokerContext,
  request: RemotingCommand,
  pull: Pull,
): ReadonlySet<number> | undefined {
  assertReadable(context, request, pull);
  const subscription =
    (pull.sysFlag & PullSysFlag.SUBSCRIPTION) === 0
      ? subscriptionOfGroup(context, pull)
      : subscriptionOfRequest(pull);
  assertTagType(subscription.expressionType);
  return wantedTags(subscription);
}

/** Errors: SYSTEM_ERROR for SQL92, in the original's words for enablePropertyFilter=false. */
export function assertTagType(expressionType: string): void {
  if (expressionType === TAG_EXPRESSION || expressionType === '') return;
  throw new MqError(
    'SYSTEM_ERROR',
    `The broker does not support consumer to filter message by ${expressionType}, enablePropertyFilter is false`,
    { details: { expressionType } },
  );
}

function assertReadable(context: BrokerContext, request: RemotingCommand, pull: Pull): void {
  const { config } = context;
  if ((config.brokerPermission & Permission.READ) === 0) {
    throw new MqError(
      'NO_PERMISSION',
      `the broker[${config.brokerName}] pulling message is forbidden`,
    );
  }
  const group = context.groups.get(pull.consumerGroup);
  if (group === undefined) {
    throw new MqError(
      'SUBSCRIPTION_GROUP_NOT_EXIST',
      `subscription group [${pull.consumerGroup}] does not exist, and autoCreateSubscriptionGroup is false`,
    );
  }
  if (!group.consumeEnable) {
    throw new MqError(
      'NO_PERMISSION',
      `subscription group no permission, ${pull.consumerGroup}: consumeEnable is false`,
    );
  }
  const topic = context.topics.get(pull.topic);
  if (topic === undefined) throw topicNotExist(pull.topic, config.autoCreateTopicEnable);
  if ((topic.perm & Permission.READ) === 0) {
    throw new MqError(
      'NO_PERMISSION',
      `the topic[${pull.topic}] pulling message is forbidden: its perm is ${topic.perm}`,
    );
  }
  if (pull.queueId < 0 || pull.queueId >= topic.readQueueNums) {
    throw invalidParameter(
      request,
      `queueId[${pull.queueId}] is illegal, topic:[${pull.topic}] ` +
        `topicConfig.readQueueNums:[${topic.readQueueNums}] consumer:[${pull.consumerGroup}]`,
    );
  }
}

function subscriptionOfRequest(pull: Pull): SubscriptionData {
  const expressionType = pull.expressionType ?? TAG_EXPRESSION;
  assertTagType(expressionType);
  try {
    return tagSubscription(pull.topic, pull.subscription ?? SUBSCRIBE_ALL, pull.subVersion);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MqError(
      'SUBSCRIPTION_PARSE_FAILED',
      `parse the consumer's subscription failed: ${reason}`,
      { cause },
    );
  }
}

function subscriptionOfGroup(context: BrokerContext, pull: Pull): SubscriptionData {
  const group = context.consumers.get(pull.consumerGroup);
  if (group === undefined) {
    throw new MqError(
      'SUBSCRIPTION_NOT_EXIST',
      `the consumer's group info not exist: no heartbeat from group ${pull.consumerGroup}`,
    );
  }
  const isBroadcastAllowed = context.groups.get(pull.consumerGroup)?.consumeBroadcastEnable;
  if (group.messageModel === 'BROADCASTING' && isBroadcastAllowed !== true) {
    throw new MqError(
      'NO_PERMISSION',
      `the consumer group[${pull.consumerGroup}] can not consume by broadcast way`,
    );
  }
  const subscription = group.subscriptions.get(pull.topic);
  if (subscription === undefined) {
    throw new MqError(
      'SUBSCRIPTION_NOT_EXIST',
      `the consumer's subscription not exist: group ${pull.consumerGroup} is not subscribed to ${pull.topic}`,
    );
  }
  if (subscription.subVersion < pull.subVersion) {
    throw new MqError(
      'SUBSCRIPTION_NOT_LATEST',
      `the consumer's subscription not latest: subVersion ${subscription.subVersion} is known, ` +
        `${pull.subVersion} is asked for`,
    );
  }
  return subscription;
}

function wantedTags(subscription: SubscriptionData): ReadonlySet<number> | undefined {
  const expression = subscription.subString.trim();
  const isEverything = expression === SUBSCRIBE_ALL || expression === '';
  return isEverything || subscription.classFilterMode ? undefined : new Set(subscription.codeSet);
}
