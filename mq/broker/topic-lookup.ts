import { MqError } from '../errors.ts';
import { requestCommand } from '../protocol/frame.ts';
import { getRouteinfoByTopic } from '../protocol/requests/get-routeinfo-by-topic.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import { decodeTopicRoute, type TopicRouteData } from '../protocol/route.ts';
import type { RemotingClient } from '../remoting/remoting-client.ts';

const TIMEOUT_MS = 3_000;

/**
 * Whether any broker has a topic, as the first name server says that answers; undefined when none does,
 * false when there is none to ask.
 */
export async function isTopicOnAnyBroker(
  client: RemotingClient,
  nameServers: readonly string[],
  topic: string,
): Promise<boolean | undefined> {
  const route = await routeOf(client, nameServers, topic);
  return route === 'unknown' ? undefined : route !== undefined;
}

/** Which brokers have a topic; undefined when none does, or there is no name server to ask, 'unknown' when none answers. */
export async function routeOf(
  client: RemotingClient,
  nameServers: readonly string[],
  topic: string,
): Promise<TopicRouteData | 'unknown' | undefined> {
  if (nameServers.length === 0) return undefined;
  const extFields = getRouteinfoByTopic.encodeRequest({ topic, acceptStandardJsonOnly: true });
  for (const address of nameServers) {
    const command = requestCommand({ code: getRouteinfoByTopic.code, extFields });
    try {
      const { code, body } = await client.request(address, command, { timeoutMs: TIMEOUT_MS });
      if (code === ResponseCode.SUCCESS) return decodeTopicRoute(body);
      if (code === ResponseCode.TOPIC_NOT_EXIST) return undefined;
    } catch (error) {
      // Away: the next one may know.
      if (!MqError.is(error)) throw error;
    }
  }
  return 'unknown';
}
