import type { MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import type { HandBack } from './consume-result.ts';

/** What becomes of messages that were not consumed. Each rejects when it could not be done; the message then stays here. */
export interface FailedMessages {
  /** It is to come again, or to be given up, as its listener says. */
  retryLater(record: MessageExt, queue: MessageQueue, how: HandBack): Promise<void>;
  /** No retry can help. */
  toDeadLetterQueue(record: MessageExt, queue: MessageQueue): Promise<void>;
  /** It was retried in its queue as often as it may be. */
  giveUp(record: MessageExt, queue: MessageQueue): Promise<void>;
}
