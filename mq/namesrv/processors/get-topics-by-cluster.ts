import { getTopicsByCluster } from '../../protocol/requests/get-topics-by-cluster.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { encodeTopicList } from '../../protocol/topic-list.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** GET_TOPICS_BY_CLUSTER: the topics that a cluster's brokers have. An unknown cluster has none. */
export function getTopicsByClusterProcessor({ routes }: NameServerContext): Processor {
  return (request) => {
    const { cluster } = getTopicsByCluster.decodeRequest(request.extFields);
    return {
      code: ResponseCode.SUCCESS,
      body: encodeTopicList(routes.topicsOfCluster(cluster)),
    };
  };
}
