import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * UNLOCK_BATCH_MQ: a client gives locked queues back. Body: see lock-batch.ts. May be oneway.
 *
 * Source: RocketMQ 5.3 UnlockBatchRequestBody.java, RebalanceLockManager.java
 */
export const unlockBatchMq = defineRequest({
  code: RequestCode.UNLOCK_BATCH_MQ,
  request: {},
  response: {},
});
