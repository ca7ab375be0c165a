import {
  readBatchOrderlyResult,
  readBatchResult,
  type MessageBatchListener,
  type MessageBatchListenerOrderly,
} from './batch-listener.ts';
import type { ConsumeContext, MessageListener } from './message-listener.ts';
import { readConsumeResult, type ConsumeVerdict } from './consume-result.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import {
  isOrderlySuccess,
  type ConsumeOrderlyContext,
  type MessageListenerOrderly,
} from './orderly-listener.ts';

/** How a dispatcher runs the application's function on at most `maxSize` messages, and what that said then. */
interface Call<C, R> {
  readonly maxSize: number;
  run(messages: readonly ConsumedMessage[], context: C): unknown;
  /** Errors: INVALID_ARGUMENT for what looks like a result and is none, as far as the result itself does not say so. */
  read(result: unknown, count: number): R;
}

/** Reads a verdict for each message. */
export type ListenerCall = Call<ConsumeContext, readonly ConsumeVerdict[]>;
/** Reads how many messages are done with, from the first. */
export type OrderlyListenerCall = Call<ConsumeOrderlyContext, number>;

export function oneByOne(listener: MessageListener): ListenerCall {
  return {
    maxSize: 1,
    run: ([message], context) => listener(message!, context),
    read: (result) => [readConsumeResult(result)],
  };
}

export function inBatches(listener: MessageBatchListener, maxSize: number): ListenerCall {
  return { maxSize, run: listener, read: readBatchResult };
}

export function oneByOneInOrder(listener: MessageListenerOrderly): OrderlyListenerCall {
  return {
    maxSize: 1,
    run: ([message], context) => listener(message!, context),
    read: (result) => (isOrderlySuccess(result) ? 1 : 0),
  };
}

export function inBatchesInOrder(
  listener: MessageBatchListenerOrderly,
  maxSize: number,
): OrderlyListenerCall {
  return { maxSize, run: listener, read: readBatchOrderlyResult };
}
