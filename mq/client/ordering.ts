import type { MessageQueue } from '../protocol/message-queue.ts';
import type { MqClient } from './mq-client.ts';
import { OrderlyDispatcher } from './orderly-dispatcher.ts';
import type { MessageListenerOrderly } from './orderly-listener.ts';
import { QueueLocks } from './queue-locks.ts';
import { reconsumeLimitOf } from './reconsume-limit.ts';
import type { RouteCache } from './route-cache.ts';
import type { SendBack } from './send-back.ts';

/** What consumption in order needs besides fetching: a queue is locked, then consumed, then left. */
export interface Ordering {
  readonly locks: QueueLocks;
  readonly dispatcher: OrderlyDispatcher;
  /** How long a queue that is given up waits for the listener that runs. */
  readonly graceMs: number;
}

export interface OrderingOptions {
  client: MqClient;
  routes: RouteCache;
  sendBack: SendBack;
  consumerGroup: string;
  listener: MessageListenerOrderly;
  concurrency: number;
  suspendCurrentQueueTimeMs: number;
  /** Of messages that do not say it themselves; undefined: a message is retried until it succeeds. */
  maxReconsumeTimes: number | undefined;
  graceMs: number;
  onLost: (queue: MessageQueue) => void;
  onGained: (queue: MessageQueue) => void;
}

export function createOrdering(options: OrderingOptions): Ordering {
  const { client, routes, sendBack, consumerGroup, maxReconsumeTimes = Infinity } = options;
  const { clock, logger } = client.settings;
  const { onLost, onGained, listener, concurrency, suspendCurrentQueueTimeMs, graceMs } = options;
  return {
    locks: new QueueLocks({ client, routes, consumerGroup, onLost, onGained }),
    dispatcher: new OrderlyDispatcher({
      concurrency,
      suspendCurrentQueueTimeMs,
      listener,
      maxReconsumeTimes: (record) => reconsumeLimitOf(record) ?? maxReconsumeTimes,
      giveUp: ({ record, processQueue, message }) =>
        message === undefined
          ? sendBack.toDeadLetterQueue(record, processQueue.queue)
          : sendBack.giveUp(record),
      clock,
      logger,
    }),
    graceMs,
  };
}
