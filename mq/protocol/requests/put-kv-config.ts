import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * PUT_KV_CONFIG: stores one value in a name server's key-value table.
 *
 * Source: RocketMQ 5.3 PutKVConfigRequestHeader.java, DefaultRequestProcessor.java
 */
export const putKvConfig = defineRequest({
  code: RequestCode.PUT_KV_CONFIG,
  request: { namespace: str, key: str, value: str },
  response: {},
});
