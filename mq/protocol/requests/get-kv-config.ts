import { defineRequest } from '../define-request.ts';
import { optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_KV_CONFIG: reads one value of a name server's key-value table.
 *
 * Errors: QUERY_NOT_FOUND.
 * Source: RocketMQ 5.3 GetKVConfigRequestHeader.java, DefaultRequestProcessor.java
 */
export const getKvConfig = defineRequest({
  code: RequestCode.GET_KV_CONFIG,
  request: { namespace: str, key: str },
  response: { value: optional(str) },
});
