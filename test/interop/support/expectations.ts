import { crc32 } from 'node:zlib';
import {
  PushConsumer,
  type ConsumedMessage,
  type Message,
  type PushConsumerOptions,
} from '../../../mq/index.ts';
import { until } from '../../support/deadline.ts';

export function bodyCrc32(message: { body: Message['body'] }): number {
  return crc32(message.body);
}

export interface Collected {
  readonly messages: readonly ConsumedMessage[];
  /** Settles when that many distinct keys have come. */
  keys(count: number): Promise<string[]>;
}

/** Runs `body` with a consumer of ours that collects what it gets. */
export async function collecting<T>(
  options: PushConsumerOptions & { topic: string; tags?: string; failFirst?: boolean },
  body: (collected: Collected) => Promise<T>,
): Promise<T> {
  const { topic, tags = '*', failFirst = false, ...consumerOptions } = options;
  const received: ConsumedMessage[] = [];
  await using consumer = new PushConsumer({
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    ...consumerOptions,
  })
    .subscribe(topic, tags)
    .onMessage((message) => {
      received.push(message);
      return failFirst && message.reconsumeTimes === 0 ? 'RECONSUME_LATER' : 'CONSUME_SUCCESS';
    });
  await consumer.start();
  const distinct = (): string[] =>
    [...new Set(received.map((message) => message.keys[0] ?? ''))].toSorted();
  // Awaited here: the consumer is disposed of as soon as this function returns.
  return await body({
    messages: received,
    keys: async (count) => {
      await until(() => distinct().length >= count, {
        timeoutMs: 60_000,
        what: `${count} distinct keys from ${topic}`,
      });
      return distinct();
    },
  });
}
