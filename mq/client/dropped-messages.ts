import type { Logger } from '../logger.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import type { HandBack } from './consume-result.ts';
import type { FailedMessages } from './failed-messages.ts';

/**
 * What a broadcasting consumer does with messages it could not consume: they are said aloud, counted, and gone. A broker
 * that took one back would deliver it to every member again.
 */
export class DroppedMessages implements FailedMessages {
  readonly #consumerGroup: string;
  readonly #logger: Logger;
  #count = 0;

  constructor(consumerGroup: string, logger: Logger) {
    this.#consumerGroup = consumerGroup;
    this.#logger = logger;
  }

  get count(): number {
    return this.#count;
  }

  retryLater(
    record: MessageExt,
    queue: MessageQueue,
    { deadLetterReason }: HandBack,
  ): Promise<void> {
    return this.#drop('its listener failed', record, queue, deadLetterReason);
  }

  toDeadLetterQueue(record: MessageExt, queue: MessageQueue): Promise<void> {
    return this.#drop('it cannot be read', record, queue);
  }

  giveUp(record: MessageExt, queue: MessageQueue): Promise<void> {
    return this.#drop('it failed as often as maxReconsumeTimes allows', record, queue);
  }

  #drop(
    reason: string,
    record: MessageExt,
    queue: MessageQueue,
    deadLetterReason?: string,
  ): Promise<void> {
    this.#count++;
    this.#logger.warn('a message is not consumed, and broadcasting has no retries', {
      consumerGroup: this.#consumerGroup,
      reason,
      queue: queueKey(queue),
      queueOffset: record.queueOffset,
      msgId: record.msgId,
      reconsumeTimes: record.reconsumeTimes,
      ...(deadLetterReason !== undefined && { deadLetterReason }),
      droppedCount: this.#count,
    });
    return Promise.resolve();
  }
}
