import { MqError } from '../../errors.ts';
import { decodeRecord, type MessageExt } from '../../protocol/message.ts';
import { isHeldBack } from '../../protocol/names.ts';
import { PropertyKey } from '../../protocol/properties.ts';
import { consumerSendMsgBack } from '../../protocol/requests/consumer-send-msg-back.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { Permission } from '../../protocol/sys-flag.ts';
import type { TopicConfig } from '../../protocol/topic-config.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { AppendMessage, MessageStore } from '../../store/message-store.ts';
import type { BrokerContext } from '../broker-context.ts';
import { clientMaxReconsumeTimes } from '../retry-policy.ts';
import { copyOf } from '../stored-records.ts';

/** The first retry waits delay level 3, 10 s; each further one a level more. */
const FIRST_RETRY_LEVEL = 3;

/**
 * CONSUMER_SEND_MSG_BACK: a consumer could not process a message, so a copy of it goes to the group's retry topic,
 * delayed the longer the more often it failed, or to its DLQ when it failed too often.
 *
 * Order:  answered only when the copy is as safe as a send would be: the consumer forgets the original then.
 * Errors: SUBSCRIPTION_GROUP_NOT_EXIST, NO_PERMISSION, SYSTEM_ERROR when no record begins at the offset or the copy
 *         is not safe within syncFlushTimeout (the consumer then sends it back itself).
 * Source: RocketMQ 5.3 AbstractSendMessageProcessor.consumerSendMsgBack.
 */
export function consumerSendMsgBackProcessor(context: BrokerContext): Processor {
  const { config, store, topics } = context;

  return async (request) => {
    const header = consumerSendMsgBack.decodeRequest(request.extFields);
    const group = context.groups.get(header.group);
    if (group === undefined) {
      throw new MqError(
        'SUBSCRIPTION_GROUP_NOT_EXIST',
        `subscription group not exist, ${header.group}`,
      );
    }
    if ((config.brokerPermission & Permission.WRITE) === 0) {
      throw new MqError(
        'NO_PERMISSION',
        `the broker[${config.brokerName}] sending message is forbidden: brokerPermission is ${config.brokerPermission}`,
      );
    }
    // An operator who takes away a group's retry queues wants its failures dropped.
    if (group.retryQueueNums <= 0) return { code: ResponseCode.SUCCESS };
    const message = await readMessage(store, header.offset);
    // A copy would be delivered: a half message before its commit, a delayed one before its time.
    if (isHeldBack(message.topic)) {
      throw new MqError('NO_PERMISSION', `messages of topic[${message.topic}] cannot be sent back`);
    }
    const maxReconsumeTimes =
      clientMaxReconsumeTimes(request, header.maxReconsumeTimes) ?? group.retryMaxTimes;
    const isGivenUp = header.delayLevel < 0 || message.reconsumeTimes >= maxReconsumeTimes;
    const copy = isGivenUp
      ? copyTo(await topics.ensureDlqTopic(group.groupName), message)
      : retryCopy(
          await topics.ensureRetryTopic(group.groupName, group.retryQueueNums),
          message,
          header.delayLevel > 0 ? header.delayLevel : FIRST_RETRY_LEVEL + message.reconsumeTimes,
        );
    const { status } = await store.append(copy);
    if (status === 'PUT_OK') return { code: ResponseCode.SUCCESS };
    return { code: ResponseCode.SYSTEM_ERROR, remark: status };
  };

  function retryCopy(topic: TopicConfig, message: MessageExt, level: number): AppendMessage {
    if ((topic.perm & Permission.WRITE) === 0) {
      throw new MqError('NO_PERMISSION', `topic[${topic.topicName}] has perm ${topic.perm}`);
    }
    return context.schedule.park(copyTo(topic, message), message.properties, level);
  }

  /** Changes the message's properties to those of the copy. */
  function copyTo(topic: TopicConfig, message: MessageExt): AppendMessage {
    const { properties } = message;
    if (!properties.has(PropertyKey.RETRY_TOPIC)) {
      properties.set(PropertyKey.RETRY_TOPIC, message.topic);
    }
    if (!properties.has(PropertyKey.ORIGIN_MESSAGE_ID)) {
      properties.set(PropertyKey.ORIGIN_MESSAGE_ID, message.offsetMsgId);
    }
    properties.delete(PropertyKey.DELAY);
    return {
      ...copyOf(message, properties),
      topic: topic.topicName,
      queueId: Math.floor(Math.random() * Math.max(1, topic.writeQueueNums)),
      storeHost: context.advertised,
      reconsumeTimes: message.reconsumeTimes + 1,
    };
  }
}

async function readMessage(store: MessageStore, commitLogOffset: number): Promise<MessageExt> {
  const record = await store.readRecord(commitLogOffset);
  if (record !== undefined) {
    const message = decodeRecord(record);
    if (message.commitLogOffset === commitLogOffset) return message;
  }
  throw new MqError('SYSTEM_ERROR', `look message by offset failed, ${commitLogOffset}`);
}
