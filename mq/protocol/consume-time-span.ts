import { encodeJsonBody } from './json-body.ts';
import { messageQueueJson, type MessageQueue } from './message-queue.ts';

/** From when the messages of one queue are, and how old what a group consumes next. All in ms since epoch. */
export interface QueueTimeSpan {
  readonly messageQueue: MessageQueue;
  /** Of the first message kept and the last one; −1 without any. */
  readonly minTimeStamp: number;
  readonly maxTimeStamp: number;
  /** Of the last message the group has consumed, or else of the first one kept. */
  readonly consumeTimeStamp: number;
  /** How long ago the next message for the group was stored; 0 when there is none. In ms. */
  readonly delayTime: number;
}

/** The body of the reply to QUERY_CONSUME_TIME_SPAN. The original adds the times as text, which no reader needs. */
export function encodeConsumeTimeSpans(spans: readonly QueueTimeSpan[]): Buffer {
  return encodeJsonBody({
    consumeTimeSpanSet: spans.map(({ messageQueue, ...times }) => ({
      consumeTimeStamp: times.consumeTimeStamp,
      delayTime: times.delayTime,
      maxTimeStamp: times.maxTimeStamp,
      messageQueue: messageQueueJson(messageQueue),
      minTimeStamp: times.minTimeStamp,
    })),
  });
}
