import { decodeLockBatchBody, encodeLockedQueues } from '../../protocol/lock-batch.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/**
 * Serves LOCK_BATCH_MQ. Queues that another client has are left out of the reply, which is no error.
 *
 * Order:  answered when a restart would not forget what is granted.
 */
export function lockBatchMqProcessor({ queueLocks }: BrokerContext): Processor {
  return async (request) => {
    const { consumerGroup, clientId, mqSet } = decodeLockBatchBody(request.body);
    const locked = queueLocks.lock(consumerGroup, clientId, mqSet);
    await queueLocks.saved();
    return { code: ResponseCode.SUCCESS, body: encodeLockedQueues(locked) };
  };
}
