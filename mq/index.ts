/** The client's front door. What is not listed here is not part of the package's interface. */
export { Admin, type CreateTopicOptions, type QueueProgress } from './client/admin.ts';
export type { ClientOptions } from './client/client-options.ts';
export type { ConsumeContext, MessageListener } from './client/consume-dispatcher.ts';
export type { ConsumeResult, ReconsumeLater } from './client/consume-result.ts';
export { ConsumedMessage, isDeadLetter } from './client/consumed-message.ts';
export type { DlqOptions } from './client/dead-letter-queues.ts';
export type { RedriveResult } from './client/message-redrive.ts';
export type {
  ConsumeOrderlyContext,
  ConsumeOrderlyResult,
  MessageListenerOrderly,
} from './client/orderly-listener.ts';
export type { Message } from './client/outgoing-message.ts';
export { Producer } from './client/producer.ts';
export type { ProducerOptions, SendOptions } from './client/producer-options.ts';
export { PushConsumer } from './client/push-consumer.ts';
export type { PushConsumerOptions } from './client/push-consumer-options.ts';
export { selectByHash } from './client/select-by-hash.ts';
export type { RedriveOptions, RedriveProgress, RedriveSelection } from './client/redrive.ts';
export type { SendResult, SendStatus } from './client/send-result.ts';
export type { CheckContext, CheckLocalTransaction } from './client/transaction-checks.ts';
export { TransactionProducer } from './client/transaction-producer.ts';
export type {
  ExecuteLocalTransaction,
  SentHalf,
  TransactionProducerOptions,
  TransactionSendOptions,
  TransactionSendResult,
} from './client/transaction-producer-options.ts';
export type { LocalTransactionState } from './client/transaction-state.ts';
export type {
  BrokerSubscriptionGroup,
  SubscriptionGroupOptions,
} from './client/subscription-group-admin.ts';
export { MqError, type MqErrorCode, type MqErrorOptions } from './errors.ts';
export {
  consoleLogger,
  silentLogger,
  type LogFields,
  type Logger,
  type LogLevel,
} from './logger.ts';
export type { HostAddress } from './protocol/host-address.ts';
export type { MessageExt } from './protocol/message.ts';
export type { MessageQueue } from './protocol/message-queue.ts';
export type { BrokerData, ClusterInfo, QueueData, TopicRouteData } from './protocol/route.ts';
export type { SubscriptionGroupConfig } from './protocol/subscription-group.ts';
