import { MqError } from '../../errors.ts';
import { getTopicConfig } from '../../protocol/requests/get-topic-config.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { encodeTopicConfig } from '../../protocol/topic-config.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** GET_TOPIC_CONFIG: one topic's settings on this broker. Errors: TOPIC_NOT_EXIST. */
export function getTopicConfigProcessor({ topics }: BrokerContext): Processor {
  return (request) => {
    const { topic } = getTopicConfig.decodeRequest(request.extFields);
    const config = topics.get(topic);
    if (config === undefined) {
      throw new MqError('TOPIC_NOT_EXIST', `No topic in this broker. topic: ${topic}`);
    }
    return { code: ResponseCode.SUCCESS, body: encodeTopicConfig(config) };
  };
}
