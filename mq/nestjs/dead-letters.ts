import type { PushConsumerOptions } from '../index.ts';

/** Settings of the consumer that gets a group's dead letters: its listener's apply where these are silent. */
export interface DeadLetterOptions extends Omit<
  Partial<PushConsumerOptions>,
  | 'namesrvAddr'
  | 'consumerGroup'
  | 'consumeFromWhere'
  | 'consumeTimestampMs'
  | 'consumeMessageBatchMaxSize'
> {
  /** A group of its own. Default: the listener's with `-dlq` behind it. */
  consumerGroup?: string;
}

/** The group that consumes the dead letters of a listener's group. */
export function deadLetterGroup(consumerGroup: string, deadLetters: DeadLetterOptions): string {
  return deadLetters.consumerGroup ?? `${consumerGroup}-dlq`;
}
