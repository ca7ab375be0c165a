import { encodeGroupList } from '../../protocol/group-list.ts';
import { queryTopicConsumeByWho } from '../../protocol/requests/query-topic-consume-by-who.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** QUERY_TOPIC_CONSUME_BY_WHO: who consumes a topic, online or by what it has left behind. A topic that is not there has nobody. */
export function queryTopicConsumeByWhoProcessor({ consumers, offsets }: BrokerContext): Processor {
  return (request) => {
    const { topic } = queryTopicConsumeByWho.decodeRequest(request.extFields);
    const groups = new Set([...consumers.groupsOf(topic), ...offsets.groupsOf(topic)]);
    return { code: ResponseCode.SUCCESS, body: encodeGroupList([...groups].toSorted()) };
  };
}
