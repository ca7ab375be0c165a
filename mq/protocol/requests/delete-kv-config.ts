import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * DELETE_KV_CONFIG: removes one value from a name server's key-value table; a missing one is no error.
 *
 * Source: RocketMQ 5.3 DeleteKVConfigRequestHeader.java, DefaultRequestProcessor.java
 */
export const deleteKvConfig = defineRequest({
  code: RequestCode.DELETE_KV_CONFIG,
  request: { namespace: str, key: str },
  response: {},
});
