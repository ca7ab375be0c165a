import { defineRequest } from '../define-request.ts';
import { bool, int64, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * QUERY_DATA_VERSION: does the name server know this edition of the broker's topic table? Bodies of both
 * directions: see encodeDataVersion; the reply's is the edition the name server has.
 *
 * Source: RocketMQ 5.3 QueryDataVersion{Request,Response}Header.java, DefaultRequestProcessor.java
 */
export const queryDataVersion = defineRequest({
  code: RequestCode.QUERY_DATA_VERSION,
  request: { brokerName: str, brokerAddr: str, clusterName: str, brokerId: int64 },
  response: { changed: bool },
});
