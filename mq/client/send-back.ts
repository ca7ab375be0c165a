import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { isDlqTopic, retryTopic } from '../protocol/names.ts';
import { consumerSendMsgBack } from '../protocol/requests/consumer-send-msg-back.ts';
import { sendMessageV2 } from '../protocol/requests/send-message-v2.ts';
import { TO_DEAD_LETTER_QUEUE, type HandBack } from './consume-result.ts';
import { originalTopic } from './consumed-message.ts';
import type { FailedMessages } from './failed-messages.ts';
import type { MqClient } from './mq-client.ts';
import { reconsumeLimitOf } from './reconsume-limit.ts';
import { retryCopyHeader } from './retry-copy.ts';
import type { RouteCache } from './route-cache.ts';
import { storedCodes } from './send-result.ts';
import { writableQueues } from './topic-queues.ts';

/** Back-off of the n-th retry: 10 s is level 3, and each further retry waits one level longer. */
const FIRST_RETRY_LEVEL = 3;
/** A copy's count is at least 1: with this limit it has failed once too often, and goes to the dead-letter queue. */
const NO_MORE_RETRIES = 0;

export interface SendBackOptions {
  consumerGroup: string;
  /** undefined: what the broker has set for the group. */
  maxReconsumeTimes: number | undefined;
}

/**
 * Gives messages back to the broker that were not consumed: it delivers them again later through the group's retry
 * topic, and after maxReconsumeTimes keeps them in the dead-letter queue.
 *
 * When the broker that holds a message cannot take it back, a copy is sent to the retry topic on any broker that has
 * it. A copy that was stored although its answer was lost is delivered twice.
 *
 * Of a dead letter that another group consumes it is always a copy: the broker's own would count on from the retries that
 * made it a dead letter, and name the topic from before as its own.
 */
export class SendBack implements FailedMessages {
  readonly #client: MqClient;
  readonly #routes: RouteCache;
  readonly #options: SendBackOptions;
  #turn = 0;

  constructor(client: MqClient, routes: RouteCache, options: SendBackOptions) {
    this.#client = client;
    this.#routes = routes;
    this.#options = options;
  }

  /**
   * `delayTimeLevel`: −1 for the dead-letter queue, 0 for the broker to decide. A reason goes along if it can: the broker's own
   * copy could not carry it. Errors: those of the last attempt.
   */
  async retryLater(
    record: MessageExt,
    queue: MessageQueue,
    { delayTimeLevel, deadLetterReason }: HandBack,
  ): Promise<void> {
    if (isDlqTopic(record.topic)) {
      return this.#sendCopy(record, {
        delayTimeLevel,
        ...(deadLetterReason && { deadLetterReason }),
      });
    }
    if (deadLetterReason !== undefined && (await this.#isGivenUp(record, deadLetterReason))) return;
    try {
      await this.#giveBack(record, queue, delayTimeLevel);
    } catch (error) {
      this.#client.settings.logger.info('the broker did not take a message back, sending a copy', {
        msgId: record.msgId,
        error: error instanceof Error ? error.message : String(error),
      });
      await this.#sendCopy(record, { delayTimeLevel }, error);
    }
  }

  /** For messages that no retry can help. Errors: those of the broker that holds the message. */
  toDeadLetterQueue(record: MessageExt, queue: MessageQueue): Promise<void> {
    return this.#giveBack(record, queue, TO_DEAD_LETTER_QUEUE);
  }

  /**
   * For a message that was retried in its queue as often as it may be: a copy that counts as one retry too many, which the
   * broker puts into the dead-letter queue. Errors: NO_ROUTE; those of the broker that was sent the copy.
   */
  giveUp(record: MessageExt): Promise<void> {
    return this.#sendCopy(record, { delayTimeLevel: TO_DEAD_LETTER_QUEUE });
  }

  /** Returns false when the broker must be asked without a reason, which it may grant where it refused the copy. */
  async #isGivenUp(record: MessageExt, deadLetterReason: string): Promise<boolean> {
    try {
      await this.#sendCopy(record, { delayTimeLevel: TO_DEAD_LETTER_QUEUE, deadLetterReason });
      return true;
    } catch (error) {
      this.#client.settings.logger.info('a message is given up without its reason', {
        msgId: record.msgId,
        deadLetterReason,
        error: error instanceof Error ? error.message : String(error),
      });
      return false;
    }
  }

  async #giveBack(record: MessageExt, queue: MessageQueue, delayLevel: number): Promise<void> {
    const address = this.#routes.masterAddress(queue.brokerName);
    if (address === undefined) {
      throw new MqError('NO_ROUTE', `broker ${queue.brokerName} has no master in the route`, {
        retriable: true,
        details: { brokerName: queue.brokerName },
      });
    }
    const maxReconsumeTimes = this.#maxReconsumeTimes(record);
    await this.#client.call(address, consumerSendMsgBack, {
      offset: record.commitLogOffset,
      group: this.#options.consumerGroup,
      delayLevel,
      originMsgId: record.msgId,
      originTopic: originalTopic(record),
      unitMode: false,
      ...(maxReconsumeTimes !== undefined && { maxReconsumeTimes }),
    });
  }

  async #sendCopy(
    record: MessageExt,
    { delayTimeLevel, deadLetterReason }: HandBack,
    cause?: unknown,
  ): Promise<void> {
    const topic = retryTopic(this.#options.consumerGroup);
    const route = this.#routes.get(topic);
    const queues = route === undefined ? [] : writableQueues(topic, route);
    const queue = queues[this.#turn++ % Math.max(queues.length, 1)];
    const address = queue && this.#routes.masterAddress(queue.brokerName);
    if (queue === undefined || address === undefined) {
      throw new MqError('NO_ROUTE', `topic ${topic} has no queue to write to`, {
        retriable: true,
        cause,
      });
    }
    const usualLevel = FIRST_RETRY_LEVEL + record.reconsumeTimes;
    const header = retryCopyHeader(record, {
      consumerGroup: this.#options.consumerGroup,
      queue,
      reconsumeTimes: record.reconsumeTimes + 1,
      deadLetterReason,
      ...(delayTimeLevel < 0
        ? { delayTimeLevel: 0, maxReconsumeTimes: NO_MORE_RETRIES }
        : {
            delayTimeLevel: delayTimeLevel > 0 ? delayTimeLevel : usualLevel,
            maxReconsumeTimes: this.#maxReconsumeTimes(record),
          }),
    });
    await this.#client.call(address, sendMessageV2, header, {
      body: record.body,
      accept: storedCodes,
    });
  }

  /** The message's own limit before the consumer's. */
  #maxReconsumeTimes(record: MessageExt): number | undefined {
    return reconsumeLimitOf(record) ?? this.#options.maxReconsumeTimes;
  }
}
