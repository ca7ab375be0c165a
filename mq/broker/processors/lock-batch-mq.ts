import { decodeLockBatchBody, encodeLockedQueues } from '../../protocol/lock-batch.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** Serves LOCK_BATCH_MQ. Queues that another client has are left out of the reply, which is no error. */
export function lockBatchMqProcessor({ queueLocks }: BrokerContext): Processor {
  return (request) => {
    const { consumerGroup, clientId, mqSet } = decodeLockBatchBody(request.body);
    const locked = queueLocks.lock(consumerGroup, clientId, mqSet);
    return { code: ResponseCode.SUCCESS, body: encodeLockedQueues(locked) };
  };
}
