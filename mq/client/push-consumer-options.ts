import { MqError } from '../errors.ts';
import type { AllocateMessageQueueStrategy, AllocateStrategyName } from './allocate.ts';
import {
  int32,
  milliseconds,
  oneOf,
  positive,
  wholeNumber,
  type ClientOptions,
} from './client-options.ts';
import type { StartingPoint } from './first-offset.ts';
import type { TopicLimits } from './queue-limits.ts';
import type { PopSettings } from './pop-puller.ts';
import type { PullSettings } from './queue-puller.ts';
import type { MessageModel } from '../protocol/heartbeat.ts';
import type { Files } from '../store/files.ts';
import { consumerReconsumeLimit } from './reconsume-limit.ts';

export interface PushConsumerOptions extends ClientOptions {
  consumerGroup: string;
  /**
   * CLUSTERING: the members share the messages. BROADCASTING: each gets all of them, and keeps its progress itself, under
   * its clientId: that must be the same at each start, so `instanceName` has to be given, and `clientIp` where the
   * machine's address changes. Default CLUSTERING.
   */
  messageModel?: MessageModel;
  /** Where a broadcasting consumer keeps its progress, as `<clientId>/<group>/offsets.json`. Default `~/.rocketmq_offsets`. */
  offsetStoreDir?: string;
  /** For tests whose disk fails under a broadcasting consumer. Default: the system's. */
  files?: Files;
  /** Where a group begins that has no progress yet. Default CONSUME_FROM_LAST_OFFSET. */
  consumeFromWhere?:
    'CONSUME_FROM_LAST_OFFSET' | 'CONSUME_FROM_FIRST_OFFSET' | 'CONSUME_FROM_TIMESTAMP';
  /** For CONSUME_FROM_TIMESTAMP, ms since epoch. Default: half an hour before now. */
  consumeTimestampMs?: number;
  /**
   * Which queues of a topic this member of the group owns: by RocketMQ's name of a strategy, or by a function such as
   * `allocateByConfig(queues)`. All members must have the same. Default AVG.
   */
  allocateMessageQueueStrategy?: AllocateStrategyName | AllocateMessageQueueStrategy;
  /**
   * Listeners running at a time, over all queues; see `setConcurrency`. It is what consumeThreadMin is for Java's
   * consumers, which have a thread for each. Default 20.
   */
  concurrency?: number;
  /** The most messages that a batch listener (`onMessages`, `onMessagesOrderly`) gets at once, 1 to 1024. Default 32. */
  consumeMessageBatchMaxSize?: number;
  /**
   * Redeliveries before a message goes to the dead-letter queue, unless the message itself says how many. Default, and
   * −1: what is set for the group, which is 16 if nobody set anything; in order, as often as it takes.
   */
  maxReconsumeTimes?: number;
  /** How long a queue that is consumed in order rests after a failure, 10 to 30,000. Default 1000. */
  suspendCurrentQueueTimeMs?: number;
  /**
   * A listener that takes longer has its signal aborted, its message sent back and its place given away; not in order.
   * Default 15 minutes.
   */
  consumeTimeoutMs?: number;
  /** Messages asked for in one pull; the broker has a limit of its own. Default 32. */
  pullBatchSize?: number;
  /** How long a queue rests after each pull that brought messages, in ms. Default 0. */
  pullIntervalMs?: number;
  /** Fetched and unfinished messages of one queue at which pulling pauses. Default 1000. */
  pullThresholdForQueue?: number;
  /** The same in MiB, which may be a fraction. Default 100. */
  pullThresholdSizeForQueue?: number;
  /**
   * The same for all queues of one topic that this consumer has at the time: each gets an equal part, instead of the
   * queue's default; next to a limit for the queue, both hold. Default: no limit.
   */
  pullThresholdForTopic?: number;
  /** The same in MiB. Default: no limit. */
  pullThresholdSizeForTopic?: number;
  /** Distance between lowest and highest unfinished offset at which pulling pauses. Default 2000. */
  consumeConcurrentlyMaxSpan?: number;
  /**
   * false: brokers say which queues are this member's, and whether it is to pull them or to pop (`Admin.setMessageRequestMode`).
   * Popped messages come in no particular order, from queues that members share. Default true.
   */
  clientRebalance?: boolean;
  /**
   * Popping: how long a message is invisible to the other members, in ms, 5,000 to 300,000. A listener that takes longer has
   * its signal aborted, and its message comes again. Default 60,000.
   */
  popInvisibleTimeMs?: number;
  /** Popping: messages asked for at once, 1 to 32. Default 32. */
  popBatchNums?: number;
  /** Popping: popped and unfinished messages of one assignment at which popping pauses. Default 96. */
  popThresholdForQueue?: number;
  /** Largest body after inflating; a larger one goes to the dead-letter queue. Default 16 MiB. */
  maxBodyBytes?: number;
  /** How often progress is reported. Default 5000. */
  persistIntervalMs?: number;
  /** How long shutdown waits for running listeners. Default 10,000. */
  shutdownGraceMs?: number;
}

/** Errors: CONFIG_INVALID for an option that means nothing in that model, or is missing there. */
export function messageModel(
  options: Pick<
    PushConsumerOptions,
    'messageModel' | 'offsetStoreDir' | 'allocateMessageQueueStrategy' | 'instanceName'
  >,
): MessageModel {
  const model = oneOf('messageModel', options.messageModel ?? 'CLUSTERING', [
    'CLUSTERING',
    'BROADCASTING',
  ]);
  const strangers: readonly (keyof typeof options)[] =
    model === 'CLUSTERING' ? ['offsetStoreDir'] : ['allocateMessageQueueStrategy'];
  const stranger = strangers.find((name) => options[name] !== undefined);
  if (stranger !== undefined) {
    throw new MqError('CONFIG_INVALID', `${stranger} means nothing with messageModel ${model}`);
  }
  if (model === 'BROADCASTING' && options.instanceName === undefined) {
    throw new MqError(
      'CONFIG_INVALID',
      'a broadcasting consumer needs an instanceName: its progress is kept under its clientId, <clientIp>@<instanceName>, ' +
        'and is found again by the same one only',
    );
  }
  return model;
}

/** Errors: CONFIG_INVALID naming the option. */
export function startingPoint(
  options: Pick<PushConsumerOptions, 'consumerGroup' | 'consumeFromWhere' | 'consumeTimestampMs'>,
  nowMs: number,
): StartingPoint {
  return {
    consumerGroup: options.consumerGroup,
    consumeFromWhere: oneOf(
      'consumeFromWhere',
      options.consumeFromWhere ?? 'CONSUME_FROM_LAST_OFFSET',
      ['CONSUME_FROM_LAST_OFFSET', 'CONSUME_FROM_FIRST_OFFSET', 'CONSUME_FROM_TIMESTAMP'],
    ),
    consumeTimestampMs: wholeNumber(
      'consumeTimestampMs',
      options.consumeTimestampMs ?? nowMs - 30 * 60_000,
    ),
  };
}

/** Errors: CONFIG_INVALID naming the option. */
export function pullSettings(options: PushConsumerOptions, nowMs: number): PullSettings {
  return {
    start: startingPoint(options, nowMs),
    limits: {
      maxCount: wholeNumber('pullThresholdForQueue', options.pullThresholdForQueue ?? 1000, 1),
      maxBytes: mebibytes('pullThresholdSizeForQueue', options.pullThresholdSizeForQueue ?? 100),
      maxSpan: wholeNumber(
        'consumeConcurrentlyMaxSpan',
        options.consumeConcurrentlyMaxSpan ?? 2000,
        1,
      ),
    },
    topicLimits: topicLimits(options),
    pullIntervalMs: options.pullIntervalMs
      ? milliseconds('pullIntervalMs', options.pullIntervalMs)
      : 0,
    pullBatchSize: int32('pullBatchSize', options.pullBatchSize ?? 32, 1),
    maxBodyBytes: wholeNumber('maxBodyBytes', options.maxBodyBytes ?? 16 * 1024 * 1024, 1),
  };
}

function topicLimits(options: PushConsumerOptions): TopicLimits {
  const { pullThresholdForTopic: count, pullThresholdSizeForTopic: size } = options;
  return {
    // What holds for a queue by default gives way to a limit that somebody has set.
    ...(count !== undefined && {
      maxCount: wholeNumber('pullThresholdForTopic', count, 1),
      isCountOfQueueUsual: options.pullThresholdForQueue === undefined,
    }),
    ...(size !== undefined && {
      maxBytes: mebibytes('pullThresholdSizeForTopic', size),
      areBytesOfQueueUsual: options.pullThresholdSizeForQueue === undefined,
    }),
  };
}

/** Errors: CONFIG_INVALID naming the option and its value. */
function mebibytes(name: string, value: number): number {
  return Math.max(1, Math.floor(positive(name, value) * 1024 * 1024));
}

/** How fetched messages are consumed; what the options say, or their defaults. */
export interface ConsumptionSettings {
  consumerGroup: string;
  messageModel: MessageModel;
  concurrency: number;
  /** undefined: what is usual for the listener. */
  consumeMessageBatchMaxSize: number | undefined;
  consumeTimeoutMs: number;
  suspendCurrentQueueTimeMs: number;
  /** undefined: what is set for the group; in order, as often as it takes. */
  maxReconsumeTimes: number | undefined;
  shutdownGraceMs: number;
}

/** Errors: CONFIG_INVALID naming the option. */
export function consumptionSettings(options: PushConsumerOptions): ConsumptionSettings {
  refuseThreads(options);
  return {
    consumerGroup: options.consumerGroup,
    messageModel: messageModel(options),
    concurrency: readConcurrency(options.concurrency ?? 20),
    consumeMessageBatchMaxSize: readBatchSize(options.consumeMessageBatchMaxSize),
    consumeTimeoutMs: milliseconds('consumeTimeoutMs', options.consumeTimeoutMs ?? 15 * 60_000),
    suspendCurrentQueueTimeMs: milliseconds(
      'suspendCurrentQueueTimeMs',
      options.suspendCurrentQueueTimeMs ?? 1_000,
    ),
    maxReconsumeTimes: consumerReconsumeLimit(options.maxReconsumeTimes),
    shutdownGraceMs: milliseconds('shutdownGraceMs', options.shutdownGraceMs ?? 10_000),
  };
}

/** Errors: CONFIG_INVALID naming the value. */
export function readConcurrency(concurrency: number): number {
  return wholeNumber('concurrency', concurrency, 1);
}

const LARGEST_BATCH = 1024;

function readBatchSize(size: number | undefined): number | undefined {
  if (size === undefined || wholeNumber('consumeMessageBatchMaxSize', size, 1) <= LARGEST_BATCH) {
    return size;
  }
  throw new MqError(
    'CONFIG_INVALID',
    `consumeMessageBatchMaxSize is ${size}, it must be at most ${LARGEST_BATCH}`,
  );
}

/** Java's names for what has no threads here: who brings them along would otherwise believe that they do something. */
const namesOfThreads = ['consumeThreadMin', 'consumeThreadMax', 'consumeThreadNums'];

function refuseThreads(options: object): void {
  const name = namesOfThreads.find((each) => each in options);
  if (name === undefined) return;
  throw new MqError(
    'CONFIG_INVALID',
    `${name} counts threads, and listeners have none here: set concurrency, the number of listeners that run at a time`,
  );
}

const popOptions = ['popInvisibleTimeMs', 'popBatchNums', 'popThresholdForQueue'] as const;

/** What brokers that share out the queues are told, and how their queues are popped; undefined when members share them out. */
export function popSettings(
  options: PushConsumerOptions,
): (Omit<PopSettings, 'maxBodyBytes'> & { readonly strategyName: string }) | undefined {
  const { clientRebalance = true, allocateMessageQueueStrategy: strategyName = 'AVG' } = options;
  if (clientRebalance) {
    const stranger = popOptions.find((name) => options[name] !== undefined);
    if (stranger === undefined) return undefined;
    throw new MqError(
      'CONFIG_INVALID',
      `${stranger} means nothing unless clientRebalance is false`,
    );
  }
  if (options.messageModel === 'BROADCASTING') {
    throw new MqError(
      'CONFIG_INVALID',
      'clientRebalance is false: brokers share out no queues among members that each get all (BROADCASTING)',
    );
  }
  if (strategyName !== 'AVG' && strategyName !== 'AVG_BY_CIRCLE') {
    throw new MqError(
      'CONFIG_INVALID',
      'clientRebalance is false: brokers share out queues by the allocateMessageQueueStrategy AVG or AVG_BY_CIRCLE only',
    );
  }
  return {
    consumerGroup: options.consumerGroup,
    strategyName,
    popInvisibleTimeMs: wholeNumberIn(
      'popInvisibleTimeMs',
      options.popInvisibleTimeMs ?? 60_000,
      5_000,
      300_000,
    ),
    popBatchNums: wholeNumberIn('popBatchNums', options.popBatchNums ?? 32, 1, 32),
    popThresholdForQueue: wholeNumber(
      'popThresholdForQueue',
      options.popThresholdForQueue ?? 96,
      1,
    ),
    beginsAtFirst: options.consumeFromWhere === 'CONSUME_FROM_FIRST_OFFSET',
  };
}

/** Errors: CONFIG_INVALID naming the option, its value and the range. */
function wholeNumberIn(name: string, value: number, least: number, most: number): number {
  if (wholeNumber(name, value, least) <= most) return value;
  throw new MqError('CONFIG_INVALID', `${name} is ${value}, it must be in ${least}..${most}`);
}
