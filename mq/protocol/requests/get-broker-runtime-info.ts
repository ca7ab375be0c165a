import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_BROKER_RUNTIME_INFO: counters and state for operators. Reply body: see kv-table.ts.
 *
 * Source: RocketMQ 5.3 AdminBrokerProcessor.prepareRuntimeInfo
 */
export const getBrokerRuntimeInfo = defineRequest({
  code: RequestCode.GET_BROKER_RUNTIME_INFO,
  request: {},
  response: {},
});
