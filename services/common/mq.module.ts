/** The one door between the services and the package `millrace`. */
import type { DynamicModule } from '@nestjs/common';
import type { ConsumedMessage, LocalTransactionState, Message, SendResult } from 'millrace';
import { MessageListener, MillraceModule } from 'millrace/nestjs';
import type { Log } from './log.ts';

export { isDeadLetter, MqError, Producer, TransactionProducer } from 'millrace';
export type {
  ConsumedMessage,
  ConsumeResult,
  LocalTransactionState,
  Message,
  SendResult,
} from 'millrace';
export { MillraceHealth, TransactionChecker } from 'millrace/nestjs';

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
    deadLetters: { concurrency: 1, maxReconsumeTimes: NO_END },
  });
}

/** What the outbox relay needs of a Producer. */
export interface MessageSender {
  send(message: Message): Promise<Pick<SendResult, 'status' | 'msgId'>>;
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
