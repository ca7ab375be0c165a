import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { retryTopic, SystemTopic } from '../protocol/names.ts';
import { reencodeProperties, PropertyKey } from '../protocol/properties.ts';
import { consumerSendMsgBack } from '../protocol/requests/consumer-send-msg-back.ts';
import { sendMessageV2 } from '../protocol/requests/send-message-v2.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import { originalTopic } from './consumed-message.ts';
import type { MqClient } from './mq-client.ts';
import type { RouteCache } from './route-cache.ts';
import { storedCodes } from './send-result.ts';
import { writableQueues } from './topic-queues.ts';

/** Back-off of the n-th retry: 10 s is level 3, and each further retry waits one level longer. */
const FIRST_RETRY_LEVEL = 3;
/** delayLevel of a message that need not be tried again. */
const TO_DEAD_LETTER_QUEUE = -1;
const BROKER_DECIDES = 0;

export interface SendBackOptions {
  consumerGroup: string;
  maxReconsumeTimes: number;
}

/**
 * Gives messages back to the broker that were not consumed: it delivers them again later through the group's retry
 * topic, and after maxReconsumeTimes keeps them in the dead-letter queue.
 *
 * When the broker that holds a message cannot take it back, a copy is sent to the retry topic on any broker that has
 * it. A copy that was stored although its answer was lost is delivered twice.
 */
export class SendBack {
  readonly #client: MqClient;
  readonly #routes: RouteCache;
  readonly #options: SendBackOptions;
  #turn = 0;

  constructor(client: MqClient, routes: RouteCache, options: SendBackOptions) {
    this.#client = client;
    this.#routes = routes;
    this.#options = options;
  }

  /** Errors: those of the last attempt. */
  async retryLater(record: MessageExt, queue: MessageQueue): Promise<void> {
    try {
      await this.#giveBack(record, queue, BROKER_DECIDES);
    } catch (error) {
      this.#client.settings.logger.info('the broker did not take a message back, sending a copy', {
        msgId: record.msgId,
        error: error instanceof Error ? error.message : String(error),
      });
      await this.#sendCopy(record, error);
    }
  }

  /** For messages that no retry can help. Errors: those of the broker that holds the message. */
  toDeadLetterQueue(record: MessageExt, queue: MessageQueue): Promise<void> {
    return this.#giveBack(record, queue, TO_DEAD_LETTER_QUEUE);
  }

  async #giveBack(record: MessageExt, queue: MessageQueue, delayLevel: number): Promise<void> {
    const address = this.#routes.masterAddress(queue.brokerName);
    if (address === undefined) {
      throw new MqError('NO_ROUTE', `broker ${queue.brokerName} has no master in the route`, {
        retriable: true,
        details: { brokerName: queue.brokerName },
      });
    }
    await this.#client.call(address, consumerSendMsgBack, {
      offset: record.commitLogOffset,
      group: this.#options.consumerGroup,
      delayLevel,
      originMsgId: record.msgId,
      originTopic: originalTopic(record),
      unitMode: false,
      maxReconsumeTimes: this.#options.maxReconsumeTimes,
    });
  }

  async #sendCopy(record: MessageExt, reason: unknown): Promise<void> {
    const topic = retryTopic(this.#options.consumerGroup);
    const route = this.#routes.get(topic);
    const queues = route === undefined ? [] : writableQueues(topic, route);
    const queue = queues[this.#turn++ % Math.max(queues.length, 1)];
    const address = queue && this.#routes.masterAddress(queue.brokerName);
    if (queue === undefined || address === undefined) {
      throw new MqError('NO_ROUTE', `topic ${topic} has no queue to write to`, {
        retriable: true,
        cause: reason,
      });
    }
    await this.#client.call(
      address,
      sendMessageV2,
      {
        producerGroup: this.#options.consumerGroup,
        topic,
        defaultTopic: SystemTopic.AUTO_CREATE,
        defaultTopicQueueNums: 1,
        queueId: queue.queueId,
        sysFlag:
          record.sysFlag & (MessageSysFlag.COMPRESSED | MessageSysFlag.COMPRESSION_TYPE_MASK),
        bornTimestamp: record.bornTimestamp,
        flag: record.flag,
        properties: reencodeProperties(this.#retryProperties(record)),
        reconsumeTimes: record.reconsumeTimes + 1,
        unitMode: false,
        maxReconsumeTimes: this.#options.maxReconsumeTimes,
        batch: false,
        brokerName: queue.brokerName,
      },
      { body: record.body, accept: storedCodes },
    );
  }

  #retryProperties(record: MessageExt): Map<string, string> {
    const properties = new Map(record.properties);
    properties.set(PropertyKey.RETRY_TOPIC, originalTopic(record));
    if (!properties.has(PropertyKey.ORIGIN_MESSAGE_ID)) {
      properties.set(PropertyKey.ORIGIN_MESSAGE_ID, record.offsetMsgId);
    }
    properties.set(PropertyKey.DELAY, String(FIRST_RETRY_LEVEL + record.reconsumeTimes));
    return properties;
  }
}
