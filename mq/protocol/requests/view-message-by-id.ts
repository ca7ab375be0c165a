import { defineRequest } from '../define-request.ts';
import { int64 } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * VIEW_MESSAGE_BY_ID: the record at a place in the CommitLog. Reply body: one record, see message.ts.
 *
 * Units:  offset is a commitLogOffset in bytes, as an offsetMsgId holds it.
 * Errors: SYSTEM_ERROR when no record begins there.
 * Source: RocketMQ 5.3 ViewMessageRequestHeader.java, QueryMessageProcessor.java
 */
export const viewMessageById = defineRequest({
  code: RequestCode.VIEW_MESSAGE_BY_ID,
  request: { offset: int64 },
  response: {},
});
