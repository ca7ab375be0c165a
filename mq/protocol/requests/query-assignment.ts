import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * QUERY_ASSIGNMENT: which queues of a topic is a member of a group to consume, and how? Bodies: see queue-assignment.ts.
 *
 * Source: RocketMQ 5.3 QueryAssignment{Request,Response}Body.java, QueryAssignmentProcessor.java
 */
export const queryAssignment = defineRequest({
  code: RequestCode.QUERY_ASSIGNMENT,
  request: {},
  response: {},
});
