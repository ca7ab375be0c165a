import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * NOTIFY_CONSUMER_IDS_CHANGED: broker to client, oneway: the members of a group changed, rebalance now.
 *
 * Source: RocketMQ 5.3 NotifyConsumerIdsChangedRequestHeader.java, ClientRemotingProcessor.java
 */
export const notifyConsumerIdsChanged = defineRequest({
  code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
  request: { consumerGroup: str },
  response: {},
});
