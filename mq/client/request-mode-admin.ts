import { MqError } from '../errors.ts';
import { assertGroupName, assertTopicName } from '../protocol/names.ts';
import {
  encodeRequestMode,
  messageRequestModes,
  type MessageRequestMode,
} from '../protocol/queue-assignment.ts';
import { MASTER_ID } from '../protocol/route.ts';
import { setMessageRequestMode } from '../protocol/requests/set-message-request-mode.ts';
import { wholeNumber } from './client-options.ts';
import type { ClusterView } from './cluster-view.ts';
import type { MqClient } from './mq-client.ts';

export interface RequestModeOptions {
  topic: string;
  consumerGroup: string;
  /** PULL: members own queues. POP: they share them. */
  mode: MessageRequestMode;
  /** POP: other members beside its owner that pop a queue; 0, the default: all. */
  popShareQueueNum?: number;
}

/** Sets, on every broker of a topic, how a group consumes it. See `Admin.setMessageRequestMode`. */
export async function setRequestMode(
  client: MqClient,
  cluster: ClusterView,
  { topic, consumerGroup, mode, popShareQueueNum = 0 }: RequestModeOptions,
): Promise<void> {
  assertTopicName(topic);
  assertGroupName(consumerGroup);
  if (!messageRequestModes.includes(mode)) {
    throw new MqError('INVALID_ARGUMENT', `mode is ${JSON.stringify(mode)}, not PULL or POP`);
  }
  wholeNumber('popShareQueueNum', popShareQueueNum, 0);
  const body = encodeRequestMode({ topic, consumerGroup, mode, popShareQueueNum });
  const { brokerDatas } = await cluster.route(topic);
  for (const { brokerName, brokerAddrs } of brokerDatas) {
    const address = brokerAddrs.get(MASTER_ID);
    if (address === undefined) {
      throw new MqError('NO_ROUTE', `broker ${brokerName} of topic ${topic} has no master`, {
        retriable: true,
      });
    }
    await client.call(address, setMessageRequestMode, {}, { body });
  }
}
