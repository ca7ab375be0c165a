/** The client's front door. What is not listed here is not part of the package's interface. */
export {
  Admin,
  type BrokerFinding,
  type GroupQueueProgress,
  type QueueProgress,
} from './client/admin.ts';
export {
  allocateByConfig,
  allocateByMachineRoom,
  type AllocateMessageQueueStrategy,
  type AllocateStrategyName,
  type AllocationInput,
} from './client/allocate.ts';
export type { PullOptions } from './client/any-queue.ts';
export type { AssignmentChange } from './client/assignment.ts';
export type {
  AckUpTo,
  AckUpToAndRetry,
  BatchedResult,
  ConsumeBatchOrderlyResult,
  ConsumeBatchResult,
  MessageBatchListener,
  MessageBatchListenerOrderly,
} from './client/batch-listener.ts';
export type { ClientOptions } from './client/client-options.ts';
export type { ConsumeContext, MessageListener } from './client/message-listener.ts';
export type { ConsumeMetrics } from './client/consume-meter.ts';
export type { ConsumeResult, ReconsumeLater } from './client/consume-result.ts';
export { ConsumedMessage, isDeadLetter } from './client/consumed-message.ts';
export type { DlqOptions } from './client/dead-letter-queues.ts';
export type {
  MessagesByTimeOptions,
  QueryMessagesOptions,
  TimeRangeOptions,
} from './client/message-finder.ts';
export type { RedriveResult } from './client/message-redrive.ts';
export type { SearchOffsetOptions } from './client/queue-offsets.ts';
export type { QueueReset, ResetOffsetOptions, ResetPosition } from './client/offset-reset.ts';
export type {
  ConsumeOrderlyContext,
  ConsumeOrderlyResult,
  MessageListenerOrderly,
} from './client/orderly-listener.ts';
export {
  LitePullConsumer,
  type PollOptions,
  type TopicMessageQueueChangeListener,
} from './client/lite-pull-consumer.ts';
export type { LitePullConsumerOptions } from './client/lite-pull-consumer-options.ts';
export type { Message, ReplyTo } from './client/outgoing-message.ts';
export { Producer } from './client/producer.ts';
export type { ProducerOptions, SendOptions } from './client/producer-options.ts';
export { createReplyMessage, isRequest } from './client/reply-message.ts';
export { PushConsumer, type FlowControlledQueue } from './client/push-consumer.ts';
export type { PushConsumerOptions } from './client/push-consumer-options.ts';
export { selectByHash } from './client/select-by-hash.ts';
export { splitIntoBatches, type SplitOptions } from './client/split-batches.ts';
export type { PullResult, PullStatus } from './client/single-pull.ts';
export type { RequestModeOptions } from './client/request-mode-admin.ts';
export type { MessageRequestMode } from './protocol/queue-assignment.ts';
export type { RedriveOptions, RedriveProgress, RedriveSelection } from './client/redrive.ts';
export type {
  BrokerTopicConfig,
  CreateTopicOptions,
  TopicBrokers,
  TopicSettings,
  UpdateTopicOptions,
} from './client/topic-admin.ts';
export type { ShrinkTopicOptions, ShrunkTopic } from './client/topic-shrink.ts';
export type { UndrainedQueue } from './client/drain-watch.ts';
export type { Durations } from './client/durations.ts';
export type { SendMetrics } from './client/send-meter.ts';
export { SendStage } from './client/send-stage.ts';
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
export type { Finding, FindingKind } from './protocol/finding.ts';
export type { HostAddress } from './protocol/host-address.ts';
export type { MessageExt } from './protocol/message.ts';
export type { MessageQueue } from './protocol/message-queue.ts';
export type { BrokerData, ClusterInfo, QueueData, TopicRouteData } from './protocol/route.ts';
export type { MessageSelector } from './protocol/subscription.ts';
export type { SubscriptionGroupConfig } from './protocol/subscription-group.ts';
