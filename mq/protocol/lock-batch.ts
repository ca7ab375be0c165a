import { encodeJsonBody, JsonBody } from './json-body.ts';
import { messageQueueJson, readMessageQueue, type MessageQueue } from './message-queue.ts';

/** The body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ: which queues a client wants for itself, or gives back. */
export interface LockBatchBody {
  consumerGroup: string;
  clientId: string;
  mqSet: MessageQueue[];
}

export function encodeLockBatchBody(body: LockBatchBody): Buffer {
  return encodeJsonBody({
    clientId: body.clientId,
    consumerGroup: body.consumerGroup,
    mqSet: body.mqSet.map(messageQueueJson),
  });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeLockBatchBody(body: Buffer | undefined): LockBatchBody {
  const json = JsonBody.parse(body, 'LockBatchBody');
  return {
    consumerGroup: json.string('consumerGroup'),
    clientId: json.string('clientId'),
    mqSet: json.objects('mqSet').map(readMessageQueue),
  };
}

/** The body of the reply to LOCK_BATCH_MQ: the queues that are now locked for the client. */
export function encodeLockedQueues(queues: readonly MessageQueue[]): Buffer {
  return encodeJsonBody({ lockOKMQSet: queues.map(messageQueueJson) });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeLockedQueues(body: Buffer | undefined): MessageQueue[] {
  return JsonBody.parse(body, 'LockBatchReply').objects('lockOKMQSet').map(readMessageQueue);
}
