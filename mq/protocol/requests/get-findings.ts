import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_FINDINGS: what has this broker found wrong with how it is used? Reply body: see finding.ts.
 *
 * Source: Millrace's own. Apache RocketMQ's brokers answer REQUEST_CODE_NOT_SUPPORTED.
 */
export const getFindings = defineRequest({
  code: RequestCode.GET_FINDINGS,
  request: {},
  response: {},
});
