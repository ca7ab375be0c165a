import { MqError } from '../errors.ts';
import type { ResponseOf } from '../protocol/define-request.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { sendMessageV2 } from '../protocol/requests/send-message-v2.ts';
import { ResponseCode } from '../protocol/response-code.ts';

/** All four mean stored. All but SEND_OK mean stored less safely, or later, than the broker is set to. */
export type SendStatus =
  'SEND_OK' | 'FLUSH_DISK_TIMEOUT' | 'FLUSH_SLAVE_TIMEOUT' | 'SLAVE_NOT_AVAILABLE';

export interface SendResult {
  status: SendStatus;
  /** The id this producer gave the message; for a batch, the ids joined by commas. */
  msgId: string;
  /** Where the broker stored it; for a batch, joined by commas. */
  offsetMsgId: string;
  messageQueue: MessageQueue;
  /** Entry index in the queue; for a batch, that of its first message. */
  queueOffset: number;
  /** Of a message that waits for its time, when the broker gives one: what `Producer.recall` takes it back by. */
  recallHandle?: string;
}

const statusByCode = new Map<number, SendStatus>([
  [ResponseCode.SUCCESS, 'SEND_OK'],
  [ResponseCode.FLUSH_DISK_TIMEOUT, 'FLUSH_DISK_TIMEOUT'],
  [ResponseCode.FLUSH_SLAVE_TIMEOUT, 'FLUSH_SLAVE_TIMEOUT'],
  [ResponseCode.SLAVE_NOT_AVAILABLE, 'SLAVE_NOT_AVAILABLE'],
]);

/** Response codes of a send that mean the message is stored. */
export const storedCodes: readonly number[] = [...statusByCode.keys()];

export function sendResult(
  queue: MessageQueue,
  msgId: string,
  code: number,
  header: ResponseOf<typeof sendMessageV2>,
): SendResult {
  const status = statusByCode.get(code);
  if (status === undefined) {
    throw new MqError('UNKNOWN_RESPONSE_CODE', `response code ${code} is no result of a send`);
  }
  return {
    status,
    msgId,
    offsetMsgId: header.msgId,
    messageQueue: { ...queue, queueId: header.queueId },
    queueOffset: header.queueOffset,
    ...(header.recallHandle === undefined ? {} : { recallHandle: header.recallHandle }),
  };
}
