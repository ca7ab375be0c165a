import { PROTOCOL_VERSION } from '../protocol/frame.ts';
import type { ConsumerRunningInfo, ProcessQueueInfo } from '../protocol/consumer-running-info.ts';
import type { ConsumeType } from '../protocol/heartbeat.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { ConsumeMeter } from './consume-meter.ts';
import type { QueuePuller } from './queue-puller.ts';

export interface RunningConsumer {
  readonly consumeType: ConsumeType;
  /** ms since epoch. */
  readonly startedAt: number;
  readonly namesrvAddr: string;
  readonly inOrder: boolean;
  readonly concurrency: number;
  readonly subscriptions: readonly SubscriptionData[];
  readonly pullers: Iterable<QueuePuller>;
  readonly meter: ConsumeMeter;
}

/**
 * What a consumer tells operators of itself. Tools compare the subscriptions of a group's members once those have run for
 * two minutes, and look for queues that are not pulled or whose lock is not renewed.
 */
export function runningInfo(consumer: RunningConsumer): ConsumerRunningInfo {
  const { meter, subscriptions } = consumer;
  const queues = new Map<MessageQueue, ProcessQueueInfo>();
  for (const puller of consumer.pullers) {
    const lastConsumeTimestamp = meter.lastConsumedAt(puller.queue);
    queues.set(puller.queue, { ...puller.info(), lastConsumeTimestamp });
  }
  return {
    properties: {
      PROP_CLIENT_VERSION: `Millrace, protocol ${PROTOCOL_VERSION}`,
      PROP_CONSUMEORDERLY: String(consumer.inOrder),
      PROP_CONSUMER_START_TIMESTAMP: String(consumer.startedAt),
      PROP_CONSUME_TYPE: consumer.consumeType,
      PROP_NAMESERVER_ADDR: consumer.namesrvAddr,
      PROP_THREADPOOL_CORE_SIZE: String(consumer.concurrency),
    },
    subscriptions,
    queues,
    status: new Map(subscriptions.map(({ topic }) => [topic, meter.status(topic)])),
  };
}
