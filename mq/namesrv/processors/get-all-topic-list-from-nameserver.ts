import { ResponseCode } from '../../protocol/response-code.ts';
import { encodeTopicList } from '../../protocol/topic-list.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** GET_ALL_TOPIC_LIST_FROM_NAMESERVER: every topic that has a route. */
export function getAllTopicListFromNameserverProcessor({ routes }: NameServerContext): Processor {
  return () => ({ code: ResponseCode.SUCCESS, body: encodeTopicList(routes.topics()) });
}
