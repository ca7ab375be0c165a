import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_BROKER_CLUSTER_INFO: all clusters and brokers. Reply body: see ClusterInfo in route.ts.
 *
 * Source: RocketMQ 5.3 DefaultRequestProcessor.java
 */
export const getBrokerClusterInfo = defineRequest({
  code: RequestCode.GET_BROKER_CLUSTER_INFO,
  request: {},
  response: {},
});
