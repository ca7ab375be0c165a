import { MqError } from '../errors.ts';
import type { RequestOf } from '../protocol/define-request.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import { RequestCode } from '../protocol/request-code.ts';
import type { pullMessage } from '../protocol/requests/pull-message.ts';
import {
  isTagType,
  SUBSCRIBE_ALL,
  TAG_EXPRESSION,
  tagSubscription,
  type SubscriptionData,
} from '../protocol/subscription.ts';
import { Permission, PullSysFlag } from '../protocol/sys-flag.ts';
import { shown } from '../protocol/filter/filter-error.ts';
import type { BrokerContext } from './broker-context.ts';
import type { ClientChannel, ConsumerMember } from './client-channel.ts';
import type { BrokerConfig } from './config.ts';
import { isBySql, selectsAll, tagSelection, type MessageSelection } from './message-selection.ts';
import { assertNotOwnGroup } from './own-groups.ts';
import { invalidParameter, topicNotExist } from './refusals.ts';

/** What a pull may have: `others` are what members want that do not want the same as this one. */
export interface AdmittedPull {
  readonly selection: MessageSelection;
  /** What the member's heartbeats say it wants; undefined when the request says so itself, or no heartbeat has come. */
  readonly own: SubscriptionData | undefined;
  readonly others: readonly MessageSelection[];
}

export type Pull = RequestOf<typeof pullMessage>;

/**
 * Decides whether a consumer may pull from a queue, and returns which messages it wants.
 *
 * Errors: NO_PERMISSION, SUBSCRIPTION_GROUP_NOT_EXIST, TOPIC_NOT_EXIST, INVALID_PARAMETER (queueId),
 *         SUBSCRIPTION_PARSE_FAILED, SUBSCRIPTION_NOT_EXIST, SUBSCRIPTION_NOT_LATEST, FILTER_DATA_NOT_EXIST,
 *         FILTER_DATA_NOT_LATEST; SYSTEM_ERROR for SQL92 when enablePropertyFilter is false.
 *         A consumer that has just started may well be told _NOT_EXIST or _NOT_LATEST: its pull overtook its heartbeat, and
 *         it waits. It never gets what its filter has not seen.
 * Source: RocketMQ 5.5 PullMessageProcessor.java, texts included. There a filter in the request that does not parse lets
 *         everything through; here it is refused.
 */
export function admitPull(
  context: BrokerContext,
  request: RemotingCommand,
  pull: Pull,
  connection: ClientChannel,
): AdmittedPull {
  assertReadable(context, request, pull);
  const bringsItsOwn = (pull.sysFlag & PullSysFlag.SUBSCRIPTION) !== 0;
  const group = context.consumers.get(pull.consumerGroup);
  const member = group?.members.get(connection);
  const own = bringsItsOwn ? undefined : member?.subscriptions.get(pull.topic);
  const isDisputed = context.consumers.isInDispute(pull.consumerGroup, pull.topic);
  const selection = wanted();
  // Of a group that broadcasts each member reads every queue, and is nobody's loss; who wants everything passes over nothing.
  const isOnItsOwn = group?.messageModel === 'BROADCASTING' || selectsAll(selection);
  const others =
    isDisputed && member !== undefined && !isOnItsOwn
      ? selectionsBeside(context, pull, member)
      : [];
  return { selection, own, others };

  function wanted(): MessageSelection {
    if (bringsItsOwn) return selectionOfRequest(context, pull);
    if (isDisputed && own !== undefined) return selectionOfOwn(context, pull, own);
    return selectionOfGroup(context, pull, own);
  }
}

/** Whose expression this broker does not serve gets nothing, and has no say. */
const notServed: ReadonlySet<string> = new Set(['SUBSCRIPTION_PARSE_FAILED', 'SYSTEM_ERROR']);

/** Different selections that a message is compared with: a deployment has two or three. */
const MOST_OTHERS = 16;

/** What other members want of a topic. Errors: SUBSCRIPTION_NOT_LATEST when that is too many things to look for. */
function selectionsBeside(
  context: BrokerContext,
  { consumerGroup, topic }: Pull,
  member: ConsumerMember,
): MessageSelection[] {
  const wanted = context.consumers.wantedBeside(member, consumerGroup, topic);
  if (wanted.length > MOST_OTHERS) {
    throw new MqError(
      'SUBSCRIPTION_NOT_LATEST',
      `the consumer's subscription not latest: the other members of group ${consumerGroup} want ${wanted.length} different ` +
        `things of ${topic}, at most ${MOST_OTHERS} are told apart; it waits until they subscribe alike`,
    );
  }
  return wanted.flatMap((subscription) => {
    try {
      return selectionOfMember(context, subscription);
    } catch (error) {
      if (MqError.is(error) && notServed.has(error.code)) return [];
      throw error;
    }
  });
}

function selectionOfMember(
  context: BrokerContext,
  subscription: SubscriptionData,
): MessageSelection {
  if (!isBySql(subscription)) return parsed(() => tagSelection(subscription));
  const { topic, expressionType, subString } = subscription;
  return selectionOf(context, topic, expressionType, subString);
}

function assertReadable(context: BrokerContext, request: RemotingCommand, pull: Pull): void {
  const { config } = context;
  if ((config.brokerPermission & Permission.READ) === 0) {
    throw new MqError(
      'NO_PERMISSION',
      `the broker[${config.brokerName}] pulling message is forbidden`,
    );
  }
  if (request.code === RequestCode.LITE_PULL_MESSAGE && !config.litePullMessageEnable) {
    throw new MqError(
      'NO_PERMISSION',
      `the broker[${config.brokerName}] for lite pull consumer is forbidden: litePullMessageEnable is false`,
    );
  }
  // A pull may carry progress.
  assertNotOwnGroup(pull.consumerGroup);
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

function selectionOfRequest(context: BrokerContext, pull: Pull): MessageSelection {
  const { topic, subscription = SUBSCRIBE_ALL, expressionType = TAG_EXPRESSION } = pull;
  return selectionOf(context, topic, expressionType, subscription);
}

/**
 * What a request that brings its own expression wants.
 *
 * Errors: SUBSCRIPTION_PARSE_FAILED with the position or the limit; SYSTEM_ERROR for SQL92 when enablePropertyFilter is false.
 */
export function selectionOf(
  { config, filterCache }: Pick<BrokerContext, 'config' | 'filterCache'>,
  topic: string,
  expressionType: string,
  expression: string,
): MessageSelection {
  if (isTagType(expressionType)) {
    return parsed(() => tagSelection(tagSubscription(topic, expression, 0)));
  }
  assertFilterEnabled(config, expressionType);
  return { filter: parsed(() => filterCache.get(expressionType, expression)) };
}

/** Errors: SYSTEM_ERROR, in the original's words. */
export function assertFilterEnabled(
  { enablePropertyFilter }: Pick<BrokerConfig, 'enablePropertyFilter'>,
  expressionType: string,
): void {
  if (enablePropertyFilter) return;
  throw new MqError(
    'SYSTEM_ERROR',
    `The broker does not support consumer to filter message by ${shown(expressionType)}, enablePropertyFilter is false`,
  );
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MqError(
      'SUBSCRIPTION_PARSE_FAILED',
      `parse the consumer's subscription failed: ${reason}`,
      { cause },
    );
  }
}

/** What a member wants of a topic of which others of its group want something else. */
function selectionOfOwn(
  context: BrokerContext,
  pull: Pull,
  own: SubscriptionData,
): MessageSelection {
  assertMayBroadcast(context, pull);
  assertLatest(own, pull);
  return selectionOfMember(context, own);
}

function selectionOfGroup(
  context: BrokerContext,
  pull: Pull,
  own: SubscriptionData | undefined,
): MessageSelection {
  const subscription = subscriptionOfGroup(context, pull);
  if (own !== undefined) assertLatest(own, pull);
  else if (context.consumers.isInDispute(pull.consumerGroup, pull.topic)) {
    throw new MqError(
      'SUBSCRIPTION_NOT_LATEST',
      `the consumer's subscription not latest: members of group ${pull.consumerGroup} want different messages of ` +
        `${pull.topic}, and no heartbeat has said on this connection which of them it wants`,
    );
  }
  if (!isBySql(subscription)) return parsed(() => tagSelection(subscription));
  assertFilterEnabled(context.config, subscription.expressionType);
  const known = context.consumerFilters.get(pull.consumerGroup, pull.topic);
  if (known?.filter === undefined) {
    const why = known?.problem ?? 'no heartbeat of the group has brought one';
    throw new MqError(
      'FILTER_DATA_NOT_EXIST',
      `The broker's consumer filter data is not exist!Your expression may be wrong! ${why}`,
    );
  }
  if (known.clientVersion < pull.subVersion) {
    throw new MqError(
      'FILTER_DATA_NOT_LATEST',
      `the consumer's consumer filter data not latest: version ${known.clientVersion} is known, ` +
        `${pull.subVersion} is asked for`,
    );
  }
  return { filter: known.filter };
}

function subscriptionOfGroup(context: BrokerContext, pull: Pull): SubscriptionData {
  const group = context.consumers.get(pull.consumerGroup);
  if (group === undefined) {
    throw new MqError(
      'SUBSCRIPTION_NOT_EXIST',
      `the consumer's group info not exist: no heartbeat from group ${pull.consumerGroup}`,
    );
  }
  assertMayBroadcast(context, pull);
  const subscription = group.subscriptions.get(pull.topic);
  if (subscription === undefined) {
    throw new MqError(
      'SUBSCRIPTION_NOT_EXIST',
      `the consumer's subscription not exist: group ${pull.consumerGroup} is not subscribed to ${pull.topic}`,
    );
  }
  assertLatest(subscription, pull);
  return subscription;
}

function assertMayBroadcast({ consumers, groups }: BrokerContext, { consumerGroup }: Pull): void {
  if (consumers.get(consumerGroup)?.messageModel !== 'BROADCASTING') return;
  if (groups.get(consumerGroup)?.consumeBroadcastEnable === true) return;
  throw new MqError(
    'NO_PERMISSION',
    `the consumer group[${consumerGroup}] can not consume by broadcast way`,
  );
}

function assertLatest({ subVersion }: SubscriptionData, pull: Pull): void {
  if (subVersion >= pull.subVersion) return;
  throw new MqError(
    'SUBSCRIPTION_NOT_LATEST',
    `the consumer's subscription not latest: subVersion ${subVersion} is known, ${pull.subVersion} is asked for`,
  );
}
