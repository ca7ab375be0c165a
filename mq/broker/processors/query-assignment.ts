import { isRetryTopic } from '../../protocol/names.ts';
import {
  decodeAssignmentQuery,
  encodeAssignments,
  type RequestModeSetting,
} from '../../protocol/queue-assignment.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { assignedQueues } from '../queue-assignment.ts';

/**
 * QUERY_ASSIGNMENT: the queues of the whole cluster, shared out among the members of the group that are connected here. No
 * assignment at all says that the member is to keep what it has.
 *
 * Source: RocketMQ 5.3 QueryAssignmentProcessor.java.
 */
export function queryAssignmentProcessor(context: BrokerContext): Processor {
  return async (request) => {
    const query = decodeAssignmentQuery(request.body);
    const setting = settingFor(context, query.topic, query.consumerGroup);
    const queues = await context.clusterQueues(query.topic);
    const assigned = assignedQueues({
      query,
      setting,
      queues,
      consumerIds: context.consumers.clientIds(query.consumerGroup),
      isShared: context.config.serverLoadBalancerEnable,
    });
    const { mode } = setting;
    return {
      code: ResponseCode.SUCCESS,
      body: encodeAssignments(assigned?.map((messageQueue) => ({ messageQueue, mode }))),
    };
  };
}

function settingFor(
  { config, requestModes }: BrokerContext,
  topic: string,
  consumerGroup: string,
): Pick<RequestModeSetting, 'mode' | 'popShareQueueNum'> {
  const setting = requestModes.get(topic, consumerGroup);
  if (setting !== undefined) return setting;
  // Redeliveries of a topic that is popped are popped with it.
  const mode = isRetryTopic(topic) ? 'PULL' : config.defaultMessageRequestMode;
  return { mode, popShareQueueNum: mode === 'POP' ? config.defaultPopShareQueueNum : 0 };
}
