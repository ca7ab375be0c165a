import { SetMetadata, type CustomDecorator } from '@nestjs/common';
import type { PushConsumerOptions } from '../index.ts';
import type { DeadLetterOptions } from './dead-letters.ts';

/** Settings of one consumer: the module's apply where these are silent. A group has one `@MessageListener` in an application. */
export interface MessageListenerOptions extends Omit<
  Partial<PushConsumerOptions>,
  'namesrvAddr' | 'consumerGroup' | 'consumeMessageBatchMaxSize'
> {
  topic: string;
  consumerGroup: string;
  /** `*` (the default) or `A || B`. */
  tags?: string;
  /** Instead of tags: an SQL92 expression on the messages' properties, such as `region = 'EU' AND amount > 100`. */
  sql?: string;
  /**
   * One message of a queue at a time, in order: throwing means this message again, and nothing of its queue before it.
   * As often as `maxReconsumeTimes` here says, not the module's; without one, until it succeeds. Default false.
   */
  orderly?: boolean;
  /**
   * The method gets an array of up to so many messages of one queue, 1 to 1024, as many as there are, and may return what
   * became of each: see PushConsumer's `onMessages`, and with `orderly`, `onMessagesOrderly`. Dead letters come in such
   * arrays, too. Default: one message, and no array.
   */
  batch?: number;
  /**
   * The method also gets the group's dead letters, those there are and those to come, with topic `%DLQ%group`:
   * `isDeadLetter(message)` tells them. Another group consumes them, which counts its own retries from 0; what it gives up is
   * a dead letter of its own. `{}` will do. Not with `orderly`. Default: nobody gets them.
   */
  deadLetters?: DeadLetterOptions;
}

export const MESSAGE_LISTENER_METADATA = Symbol('millrace.message-listener');

/**
 * Makes a provider's method the listener of a consumer group.
 *
 *     @MessageListener({ topic: 'ORDER_EVENTS', consumerGroup: 'push', tags: 'Paid' })
 *     async onOrderPaid(message: ConsumedMessage): Promise<void> { … }
 *
 * Returning means consumed; throwing means: deliver again later, with the group's back-off. The consumer starts
 * when the application has started (`onApplicationBootstrap`) and stops in `beforeApplicationShutdown`. What a listener
 * uses must therefore be closed in `onApplicationShutdown`, not in `onModuleDestroy`, which Nest calls earlier.
 */
export function MessageListener(options: MessageListenerOptions): CustomDecorator<symbol> {
  return SetMetadata(MESSAGE_LISTENER_METADATA, options);
}
