/** The one door between the services and the package `millrace`. */
import type { DynamicModule } from '@nestjs/common';
import type { ConsumedMessage, LocalTransactionState, Message, SendResult } from 'millrace';
import { MillraceModule } from 'millrace/nestjs';
import type { Log } from './log.ts';

export { MqError, Producer, TransactionProducer } from 'millrace';
export type { ConsumedMessage, LocalTransactionState, Message, SendResult } from 'millrace';
export { MessageListener, MillraceHealth, TransactionChecker } from 'millrace/nestjs';

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
  'topic' | 'msgId' | 'keys' | 'tags' | 'queueId' | 'queueOffset' | 'reconsumeTimes' | 'text'
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
