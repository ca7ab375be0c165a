import { MqError } from '../../errors.ts';
import { getRouteinfoByTopic } from '../../protocol/requests/get-routeinfo-by-topic.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { encodeTopicRoute } from '../../protocol/route.ts';
import type { Processor } from '../../remoting/processor.ts';
import { ORDER_TOPIC_CONFIG, type NameServerContext } from '../name-server-context.ts';

/** GET_ROUTEINFO_BY_TOPIC: where the queues of a topic are. */
export function getRouteinfoByTopicProcessor({ routes, kv, config }: NameServerContext): Processor {
  return (request) => {
    const { topic } = getRouteinfoByTopic.decodeRequest(request.extFields);
    const route = routes.route(topic);
    if (!route) {
      throw new MqError(
        'TOPIC_NOT_EXIST',
        // The first sentence is the original's, which people search for.
        `No topic route info in name server for the topic: ${topic}. ` +
          'Create the topic, or start the broker with autoCreateTopicEnable=true to have it created on first send; ' +
          'if it exists, see whether its broker is up and registers here. ' +
          'See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.',
        { details: { topic } },
      );
    }
    if (config.orderMessageEnable) route.orderTopicConf = kv.get(ORDER_TOPIC_CONFIG, topic);
    return { code: ResponseCode.SUCCESS, body: encodeTopicRoute(route) };
  };
}
