import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * CHECK_CLIENT_CONFIG: may this consumer use this subscription? Body: see client-config.ts.
 *
 * Errors: SYSTEM_ERROR when the broker does not filter by SQL92, SUBSCRIPTION_PARSE_FAILED.
 * Source: RocketMQ 5.3 CheckClientRequestBody.java, ClientManageProcessor.java
 */
export const checkClientConfig = defineRequest({
  code: RequestCode.CHECK_CLIENT_CONFIG,
  request: {},
  response: {},
});
