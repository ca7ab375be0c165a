/** The one door between the services and the package `millrace`. */
import type { DynamicModule } from '@nestjs/common';
import type {
  ConsumedMessage,
  LocalTransactionState,
  Message,
  MessageQueue,
  SendResult,
} from 'millrace';
import { MessageListener, MillraceModule } from 'millrace/nestjs';
import type { Log } from './log.ts';

export {
  Admin,
  isDeadLetter,
  LitePullConsumer,
  MqError,
  Producer,
  selectByHash,
  SendStage,
  TransactionProducer,
} from 'millrace';
export type {
  ConsumeBatchOrderlyResult,
  ConsumedMessage,
  ConsumeOrderlyResult,
  ConsumeResult,
  GroupQueueProgress,
  LocalTransactionState,
  Message,
  MessageQueue,
  RedriveResult,
  SendResult,
} from 'millrace';
export { MillraceHealth, MillraceMetrics, TransactionChecker } from 'millrace/nestjs';

/**
 * How long a consumer's queue rests after each pull that brought messages, so that a busy one brings several: a pull costs
 * broker and consumer as much as what it brings. Who waits for a quiet queue is told at once.
 */
const PULL_INTERVAL_MS = 40;

/** A dead letter is tried again for as long as it takes; whoever reads the metrics sees it. */
const NO_END = 1_000_000;

/**
 * Makes a method the listener of a consumer group, and of that group's dead letters, which are tried again one at a time.
 *
 * A new group begins at the first message there is: what happened before a service was first started concerns it, too.
 */
export function EventListener(listener: {
  topic: string;
  consumerGroup: string;
  /** One or more tags; each is named, so that an event type added later reaches nobody who does not know it. */
  tags: string | readonly string[];
}): MethodDecorator {
  const { topic, consumerGroup, tags } = listener;
  return MessageListener({
    topic,
    consumerGroup,
    tags: [tags].flat().join(' || '),
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    pullIntervalMs: PULL_INTERVAL_MS,
    deadLetters: { concurrency: 1, maxReconsumeTimes: NO_END },
  });
}

/**
 * Makes a method the listener of a consumer group that takes each queue's messages in the order they were stored, queues
 * side by side. What is not consumed comes again after `suspendMs`, first and for as long as it takes, and nothing behind
 * it before that: there are no retry topic and no dead letters. Its method is for `OrderlyConsumption` to run.
 *
 * A new group begins at the first message there is.
 */
export function OrderlyEventListener(
  listener: {
    topic: string;
    consumerGroup: string;
    /** Up to so many messages of one queue come at once, in an array, 1 to 1024. Without it one comes, and no array. */
    batchCount?: number;
    /** How long a queue rests after a failure, 10 to 30,000. Default 1000. */
    suspendMs?: number;
  } & (
    | { tags: string | readonly string[] }
    /** SQL92 on the messages' properties; the tag is the property TAGS. The broker must have enablePropertyFilter. */
    | { sql: string }
  ),
): MethodDecorator {
  const { topic, consumerGroup, batchCount, suspendMs } = listener;
  return MessageListener({
    topic,
    consumerGroup,
    ...('sql' in listener ? { sql: listener.sql } : { tags: [listener.tags].flat().join(' || ') }),
    orderly: true,
    ...(batchCount !== undefined && {
      batch: batchCount,
      // A batch is what lies here already: with fewer a pull it would never be full.
      pullBatchSize: Math.max(32, batchCount),
    }),
    ...(suspendMs !== undefined && { suspendCurrentQueueTimeMs: suspendMs }),
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  });
}

/** What the outbox relay needs of a Producer. */
export interface MessageSender {
  send(message: Message): Promise<Pick<SendResult, 'status' | 'msgId'>>;
}

/** What sends many messages in one request. */
export interface BatchSender {
  queues(topic: string): Promise<MessageQueue[]>;
  sendBatch(messages: readonly Message[]): Promise<Pick<SendResult, 'status'>>;
}

/** What a message transaction needs of a TransactionProducer. */
export interface TransactionSender {
  sendMessageInTransaction(
    message: Message,
    executeLocalTransaction: () => Promise<LocalTransactionState>,
  ): Promise<Pick<SendResult, 'status' | 'msgId'>>;
}

/** What a consumer reads of a message. */
export type ReceivedMessage = Pick<
  ConsumedMessage,
  | 'topic'
  | 'msgId'
  | 'keys'
  | 'tags'
  | 'queueId'
  | 'queueOffset'
  | 'reconsumeTimes'
  | 'properties'
  | 'text'
>;

/** What a check-back reads of a half message. */
export type HalfMessage = Pick<ConsumedMessage, 'msgId' | 'keys' | 'properties'>;

export interface MqSettings {
  namesrvAddr: string;
  producerGroup: string;
  /** Of a service that sends half messages: the group whose members answer for one another. */
  transactionProducerGroup?: string;
  /** Retries of a message before it goes to its group's DLQ. */
  maxReconsumeTimes: number;
  /** Time running listeners get when the service stops. */
  shutdownGraceMs: number;
  log: Log;
}

export function mqModule(settings: MqSettings): DynamicModule {
  const { transactionProducerGroup, log, ...options } = settings;
  return MillraceModule.forRoot({
    ...options,
    logger: log,
    ...(transactionProducerGroup !== undefined && {
      transaction: { producerGroup: transactionProducerGroup },
    }),
  });
}
