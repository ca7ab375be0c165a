import { MqError } from '../../errors.ts';
import type { RequestOf } from '../../protocol/define-request.ts';
import type { RemotingCommand } from '../../protocol/frame.ts';
import { assertGroupName } from '../../protocol/names.ts';
import { invokeBrokerToResetOffset } from '../../protocol/requests/invoke-broker-to-reset-offset.ts';
import { encodeResetOffsets } from '../../protocol/reset-offset-body.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { TopicConfig } from '../../protocol/topic-config.ts';
import type { Processor, Reply } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { assertNotOwnGroup } from '../own-groups.ts';
import { invalidParameter, topicNotExist } from '../refusals.ts';
import { resetTarget } from '../reset-target.ts';

type ResetRequest = RequestOf<typeof invokeBrokerToResetOffset>;

/**
 * INVOKE_BROKER_TO_RESET_OFFSET: a consumer group goes on elsewhere in a topic, whether it runs or not.
 *
 * With useServerSideResetOffset (5.x) the broker itself moves the group, see OffsetResets. Without it (4.9) it only passes the
 * request on to the members, and tools set the offsets of a group that has none. Broadcasting members keep their own
 * progress: they can only be told.
 *
 * Errors: TOPIC_NOT_EXIST; INVALID_PARAMETER for a queueId the topic does not have; SYSTEM_ERROR for an offset outside of the
 *         queue. Server side: SUBSCRIPTION_GROUP_NOT_EXIST. Otherwise: SYSTEM_ERROR for a group without progress,
 *         CONSUMER_NOT_ONLINE.
 * Source: RocketMQ 5.3 AdminBrokerProcessor.resetOffset; 4.9 Broker2Client.resetOffset.
 */
export function invokeBrokerToResetOffsetProcessor(context: BrokerContext): Processor {
  return async (request, connection) => {
    const wanted = invokeBrokerToResetOffset.decodeRequest(request.extFields);
    const { group, topic } = wanted;
    assertGroupName(group);
    assertNotOwnGroup(group);
    const config = context.topics.get(topic);
    if (config === undefined) throw topicNotExist(topic, context.config.autoCreateTopicEnable);
    const queueIds = chosenQueues(request, wanted, config);
    const isBroadcasting = context.consumers.get(group)?.messageModel === 'BROADCASTING';
    const isServerSide = context.config.useServerSideResetOffset && !isBroadcasting;
    if (isServerSide && !context.groups.has(group)) {
      throw new MqError('SUBSCRIPTION_GROUP_NOT_EXIST', `Group ${group} does not exist`);
    }
    context.logger.info('a tool resets a group', { ...wanted, peer: connection.peer });
    const isForced =
      wanted.isForce !== false || (wanted.queueId !== undefined && wanted.queueId >= 0);
    const moved = new Map<number, number>();
    const outcome = new Map<number, number>();
    for (const queueId of queueIds) {
      const consumerOffset = context.offsets.query(group, topic, queueId);
      if (!isServerSide && !isBroadcasting && consumerOffset === undefined) {
        throw new MqError(
          'SYSTEM_ERROR',
          `The consumer group <${group}> not exist: it has no offset for ${topic} queue ${queueId}`,
        );
      }
      const target = targetIn(context, wanted, queueId, consumerOffset, isForced);
      if (target !== undefined) moved.set(queueId, target);
      const place = target ?? consumerOffset;
      if (place !== undefined) outcome.set(queueId, place);
    }
    const reset = { group, topic, timestampMs: wanted.timestamp, isForced, targets: moved };
    if (isServerSide) await context.resets.assign(reset);
    else if (context.resets.pushToMembers({ ...reset, targets: outcome }) === 0) {
      throw new MqError(
        'CONSUMER_NOT_ONLINE',
        `Consumer not online, so can not reset offset, Group: ${group} Topic: ${topic} Timestamp: ${wanted.timestamp}`,
      );
    }
    return replyOf(context, topic, outcome);
  };
}

function chosenQueues(
  request: RemotingCommand,
  { queueId = -1, topic }: ResetRequest,
  { readQueueNums }: TopicConfig,
): number[] {
  if (queueId < 0) return Array.from({ length: readQueueNums }, (_, index) => index);
  if (queueId < readQueueNums) return [queueId];
  throw invalidParameter(
    request,
    `queueId ${queueId} is not a queue of ${topic}, which has ${readQueueNums}`,
  );
}

function targetIn(
  { store }: BrokerContext,
  wanted: ResetRequest,
  queueId: number,
  consumerOffset: number | undefined,
  isForced: boolean,
): number | undefined {
  const { topic, offset = -1 } = wanted;
  const hasOffset = (wanted.queueId ?? -1) >= 0 && offset !== -1;
  return resetTarget(
    { queueOffset: hasOffset ? offset : undefined, timestampMs: wanted.timestamp, isForced },
    {
      queueId,
      minOffset: store.minOffset(topic, queueId),
      maxOffset: store.maxOffset(topic, queueId),
      consumerOffset,
      offsetByTime: (timestampMs) => store.offsetByTime(topic, queueId, timestampMs),
    },
  );
}

function replyOf(
  { config }: BrokerContext,
  topic: string,
  offsets: ReadonlyMap<number, number>,
): Reply {
  const { brokerName } = config;
  return {
    code: ResponseCode.SUCCESS,
    body: encodeResetOffsets(
      new Map(Array.from(offsets, ([queueId, offset]) => [{ topic, brokerName, queueId }, offset])),
    ),
  };
}
