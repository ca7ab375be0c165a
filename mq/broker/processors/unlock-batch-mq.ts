import { decodeLockBatchBody } from '../../protocol/lock-batch.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** Serves UNLOCK_BATCH_MQ. Giving back what one does not have is no error. */
export function unlockBatchMqProcessor({ queueLocks }: BrokerContext): Processor {
  return async (request) => {
    const { consumerGroup, clientId, mqSet } = decodeLockBatchBody(request.body);
    queueLocks.unlock(consumerGroup, clientId, mqSet);
    await queueLocks.saved();
    return { code: ResponseCode.SUCCESS };
  };
}
