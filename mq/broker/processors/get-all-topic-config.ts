import { getAllTopicConfig } from '../../protocol/requests/get-all-topic-config.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { encodeTopicConfigTable } from '../../protocol/topic-config.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** GET_ALL_TOPIC_CONFIG: the whole topic table, for slaves and tools. 5.4 peers fail without the total. */
export function getAllTopicConfigProcessor({ topics }: BrokerContext): Processor {
  return () => ({
    code: ResponseCode.SUCCESS,
    extFields: getAllTopicConfig.encodeResponse({ totalTopicNum: topics.size }),
    body: encodeTopicConfigTable({
      dataVersion: topics.dataVersion,
      topicConfigTable: new Map([...topics.all()].map((topic) => [topic.topicName, topic])),
    }),
  });
}
