import type { MessageQueue } from '../protocol/message-queue.ts';
import { assertGroupName } from '../protocol/names.ts';
import { milliseconds, positive, wholeNumber, type ClientOptions } from './client-options.ts';
import type { Message } from './outgoing-message.ts';

export interface ProducerOptions extends ClientOptions {
  producerGroup: string;
  /** Budget of one send over all its attempts, route look-up included. Default 3000. */
  sendTimeoutMs?: number;
  /** Further attempts after the first one failed. Default 2. */
  retryTimesWhenSendFailed?: number;
  /** Bodies of this size in bytes and above are compressed. Default 4096; Infinity for never. */
  compressBodyOverBytes?: number;
  /** Largest body, before compression. Default 4 MiB, which is also the broker's own limit by default. */
  maxMessageBytes?: number;
  /** Queues per broker of a topic that a send creates. Default 4. */
  defaultTopicQueueNums?: number;
}

export interface SendOptions {
  /** Exactly this queue, whatever the message's shardingKey; a failed send is not repeated elsewhere. */
  queue?: MessageQueue;
  /** Chooses the queue, for instance by a key; a failed send is not repeated elsewhere. */
  select?: (queues: readonly MessageQueue[], message: Message) => MessageQueue;
  /** Instead of the producer's sendTimeoutMs. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface SendSettings {
  readonly producerGroup: string;
  readonly sendTimeoutMs: number;
  readonly retryTimesWhenSendFailed: number;
  readonly compressBodyOverBytes: number;
  readonly maxMessageBytes: number;
  readonly defaultTopicQueueNums: number;
}

/** Errors: CONFIG_INVALID, INVALID_ARGUMENT naming the option. */
export function sendSettings(options: ProducerOptions): SendSettings {
  assertGroupName(options.producerGroup);
  return {
    producerGroup: options.producerGroup,
    sendTimeoutMs: milliseconds('sendTimeoutMs', options.sendTimeoutMs ?? 3_000),
    retryTimesWhenSendFailed: wholeNumber(
      'retryTimesWhenSendFailed',
      options.retryTimesWhenSendFailed ?? 2,
    ),
    compressBodyOverBytes: options.compressBodyOverBytes ?? 4096,
    maxMessageBytes: positive('maxMessageBytes', options.maxMessageBytes ?? 4 * 1024 * 1024),
    defaultTopicQueueNums: wholeNumber(
      'defaultTopicQueueNums',
      options.defaultTopicQueueNums ?? 4,
      1,
    ),
  };
}
