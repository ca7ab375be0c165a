import { MqError } from '../../errors.ts';
import { isRetryTopic } from '../../protocol/names.ts';
import { decodeRequestMode } from '../../protocol/queue-assignment.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** SET_MESSAGE_REQUEST_MODE: holds when it is answered. Source: RocketMQ 5.3 QueryAssignmentProcessor.java. */
export function setMessageRequestModeProcessor(context: BrokerContext): Processor {
  return async (request) => {
    const setting = decodeRequestMode(request.body);
    const { topic, consumerGroup } = setting;
    if (isRetryTopic(topic)) {
      throw new MqError('NO_PERMISSION', `retry topic is not allowed to set mode: ${topic}`);
    }
    if (context.topics.get(topic) === undefined) {
      throw new MqError('TOPIC_NOT_EXIST', `topic[${topic}] not exist`);
    }
    if (context.groups.get(consumerGroup) === undefined) {
      throw new MqError(
        'SUBSCRIPTION_GROUP_NOT_EXIST',
        `subscription group [${consumerGroup}] does not exist`,
      );
    }
    await context.requestModes.set(setting);
    context.logger.info(`group ${consumerGroup} consumes topic ${topic} by ${setting.mode}`, {
      popShareQueueNum: setting.popShareQueueNum,
    });
    return { code: ResponseCode.SUCCESS };
  };
}
