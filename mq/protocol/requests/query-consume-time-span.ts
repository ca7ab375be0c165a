import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * QUERY_CONSUME_TIME_SPAN: from when the messages of each queue are, and how old what the group consumes next. Body of the
 * reply: see consume-time-span.ts.
 *
 * Errors: TOPIC_NOT_EXIST.
 * Source: RocketMQ 5.3 QueryConsumeTimeSpanRequestHeader.java, AdminBrokerProcessor.queryConsumeTimeSpan
 */
export const queryConsumeTimeSpan = defineRequest({
  code: RequestCode.QUERY_CONSUME_TIME_SPAN,
  request: { topic: str, group: str },
  response: {},
});
