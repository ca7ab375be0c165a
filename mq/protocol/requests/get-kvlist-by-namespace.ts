import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_KVLIST_BY_NAMESPACE: all values of one namespace. Reply body: see kv-table.ts.
 *
 * Errors: QUERY_NOT_FOUND.
 * Source: RocketMQ 5.3 GetKVListByNamespaceRequestHeader.java, DefaultRequestProcessor.java
 */
export const getKvlistByNamespace = defineRequest({
  code: RequestCode.GET_KVLIST_BY_NAMESPACE,
  request: { namespace: str },
  response: {},
});
