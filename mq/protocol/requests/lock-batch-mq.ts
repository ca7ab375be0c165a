import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * LOCK_BATCH_MQ: a client wants queues for itself alone, to consume them in order. Bodies: see lock-batch.ts.
 *
 * A lock ends 60 s after it was last asked for. The reply names the queues that were granted; the others are not an error.
 * Source: RocketMQ 5.3 LockBatchRequestBody.java, RebalanceLockManager.java
 */
export const lockBatchMq = defineRequest({
  code: RequestCode.LOCK_BATCH_MQ,
  request: {},
  response: {},
});
