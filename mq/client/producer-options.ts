import type { MessageQueue } from '../protocol/message-queue.ts';
import { assertGroupName } from '../protocol/names.ts';
import {
  DEFAULT_MAX_MESSAGE_BYTES,
  milliseconds,
  positive,
  wholeNumber,
  within,
  type ClientOptions,
} from './client-options.ts';
import type { Message } from './outgoing-message.ts';

export interface ProducerOptions extends ClientOptions {
  producerGroup: string;
  /** Budget of one send over all its attempts, route look-up included. Default 3000. */
  sendTimeoutMs?: number;
  /** Further attempts after the first one failed. Default 2. */
  retryTimesWhenSendFailed?: number;
  /** Also try another broker after one that stored the message less safely, or later, than it is set to. Default false. */
  retryAnotherBrokerWhenNotStoreOK?: boolean;
  /** Prefer other brokers to one that answers slowly, as to one that fails: from 550 ms on, for 2 s and more. Default false. */
  sendLatencyFaultEnable?: boolean;
  /** Bound what is under way, with the two options that follow; sends of every kind count. Default true. */
  enableBackpressureForAsyncMode?: boolean;
  /** Sends under way at a time, at least 10; more wait within their time budgets. Default 1024. */
  backPressureForAsyncSendNum?: number;
  /** Bytes of their bodies, at least 1 MiB. Default 100 MiB. */
  backPressureForAsyncSendSize?: number;
  /** Bodies of this size in bytes and above are compressed, batches never. Default 4096; Infinity for never. */
  compressMsgBodyOverHowmuch?: number;
  /** Of zlib: 1, the fastest, to 9, the smallest. Default 5, as other RocketMQ clients. */
  compressLevel?: number;
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
  readonly retryAnotherBrokerWhenNotStoreOK: boolean;
  readonly sendLatencyFaultEnable: boolean;
  readonly enableBackpressureForAsyncMode: boolean;
  readonly backPressureForAsyncSendNum: number;
  readonly backPressureForAsyncSendSize: number;
  readonly compressMsgBodyOverHowmuch: number;
  readonly compressLevel: number;
  readonly maxMessageBytes: number;
  readonly defaultTopicQueueNums: number;
}

const MIB = 1024 * 1024;

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
    retryAnotherBrokerWhenNotStoreOK: options.retryAnotherBrokerWhenNotStoreOK ?? false,
    sendLatencyFaultEnable: options.sendLatencyFaultEnable ?? false,
    enableBackpressureForAsyncMode: options.enableBackpressureForAsyncMode ?? true,
    backPressureForAsyncSendNum: wholeNumber(
      'backPressureForAsyncSendNum',
      options.backPressureForAsyncSendNum ?? 1024,
      10,
    ),
    backPressureForAsyncSendSize: wholeNumber(
      'backPressureForAsyncSendSize',
      options.backPressureForAsyncSendSize ?? 100 * MIB,
      MIB,
    ),
    compressMsgBodyOverHowmuch: compressionThreshold(options.compressMsgBodyOverHowmuch ?? 4096),
    compressLevel: within('compressLevel', options.compressLevel ?? 5, 1, 9),
    maxMessageBytes: positive(
      'maxMessageBytes',
      options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    ),
    defaultTopicQueueNums: wholeNumber(
      'defaultTopicQueueNums',
      options.defaultTopicQueueNums ?? 4,
      1,
    ),
  };
}

function compressionThreshold(bytes: number): number {
  return bytes === Infinity ? bytes : wholeNumber('compressMsgBodyOverHowmuch', bytes);
}
