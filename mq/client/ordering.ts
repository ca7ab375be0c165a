import type { MessageQueue } from '../protocol/message-queue.ts';
import type { ConsumeMeter } from './consume-meter.ts';
import type { FailedMessages } from './failed-messages.ts';
import type { OrderlyListenerCall } from './listener-call.ts';
import type { MqClient } from './mq-client.ts';
import { OrderlyDispatcher } from './orderly-dispatcher.ts';
import { QueueLocks } from './queue-locks.ts';
import { reconsumeLimitOf } from './reconsume-limit.ts';
import type { RouteCache } from './route-cache.ts';

/** What consumption in order needs besides fetching: a queue is locked, then consumed, then left. */
export interface Ordering {
  /** Missing where nobody shares the queues: in broadcasting. */
  readonly locks: QueueLocks | undefined;
  readonly dispatcher: OrderlyDispatcher;
  /** How long a queue that is given up waits for the listener that runs. */
  readonly graceMs: number;
}

export interface OrderingOptions {
  client: MqClient;
  routes: RouteCache;
  failed: FailedMessages;
  /** Whether queues are shared with other members, and locked therefore. */
  isShared: boolean;
  consumerGroup: string;
  call: OrderlyListenerCall;
  concurrency: number;
  suspendCurrentQueueTimeMs: number;
  /** Of messages that do not say it themselves; undefined: a message is retried until it succeeds. */
  maxReconsumeTimes: number | undefined;
  graceMs: number;
  meter?: ConsumeMeter;
  onLost: (queue: MessageQueue) => void;
  onGained: (queue: MessageQueue) => void;
}

export function createOrdering(options: OrderingOptions): Ordering {
  const { client, routes, failed, consumerGroup, maxReconsumeTimes = Infinity } = options;
  const { clock, logger } = client.settings;
  const { onLost, onGained, call, concurrency, suspendCurrentQueueTimeMs, graceMs } = options;
  return {
    locks: options.isShared
      ? new QueueLocks({ client, routes, consumerGroup, onLost, onGained })
      : undefined,
    dispatcher: new OrderlyDispatcher({
      concurrency,
      suspendCurrentQueueTimeMs,
      call,
      maxReconsumeTimes: (record) => reconsumeLimitOf(record) ?? maxReconsumeTimes,
      giveUp: ({ record, processQueue, message }) =>
        message === undefined
          ? failed.toDeadLetterQueue(record, processQueue.queue)
          : failed.giveUp(record, processQueue.queue),
      meter: options.meter,
      clock,
      logger,
    }),
    graceMs,
  };
}
