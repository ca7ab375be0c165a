import { SetMetadata, type CustomDecorator } from '@nestjs/common';
import type { PushConsumerOptions } from '../index.ts';
import type { DeadLetterOptions } from './dead-letters.ts';

/** Settings of one consumer: the module's apply where these are silent. A group has one `@MessageListener` in an application. */
export interface MessageListenerOptions extends Omit<
  Partial<PushConsumerOptions>,
  'namesrvAddr' | 'consumerGroup'
> {
  topic: string;
  consumerGroup: string;
  /** `*` (the default) or `A || B`. */
  tags?: string;
  /**
   * One message of a queue at a time, in order: throwing means this message again, and nothing of its queue before it.
   * As often as `maxReconsumeTimes` here says, not the module's; without one, until it succeeds. Default false.
   */
  orderly?: boolean;
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
