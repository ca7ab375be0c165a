import { deleteTopicInNamesrv } from '../../protocol/requests/delete-topic-in-namesrv.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** DELETE_TOPIC_IN_NAMESRV: removes a topic's routes; one that has none is as good as deleted. */
export function deleteTopicInNamesrvProcessor({ routes, logger }: NameServerContext): Processor {
  return (request) => {
    const { topic, clusterName } = deleteTopicInNamesrv.decodeRequest(request.extFields);
    routes.deleteTopic(topic, clusterName);
    logger.info('topic deleted', { topic, clusterName });
    return { code: ResponseCode.SUCCESS };
  };
}
