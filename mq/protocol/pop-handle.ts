import { MqError } from '../errors.ts';
import { isRetryTopic, popRetryTopic } from './names.ts';

/** What a client may do with one popped message: the message's POP_CK, extraInfo of ACK_MESSAGE. */
export interface PopHandle {
  /** Where the pop began in its queue. */
  readonly startOffset: number;
  /** Broker time, ms since epoch. */
  readonly popTime: number;
  readonly invisibleTime: number;
  /** Queue of the revive log that the broker keeps it in; {@link POP_ORDER_REVIVE_QUEUE} for ordered pops. */
  readonly reviveQid: number;
  readonly isRetry: boolean;
  readonly brokerName: string;
  readonly queueId: number;
  /** Of the message. */
  readonly queueOffset: number;
}

/** reviveQid of messages that were popped in order: nothing of them is in the revive log. */
export const POP_ORDER_REVIVE_QUEUE = 999;

const NORMAL = '0';
const RETRY = '1';
/** `%RETRY%group+topic`, an option of the original that is off: it could be no topic name here. */
const RETRY_V2 = '2';

/** The eight numbers and names, separated by spaces. */
export function encodePopHandle(handle: PopHandle): string {
  const { startOffset, popTime, invisibleTime, reviveQid, brokerName, queueId } = handle;
  const retry = handle.isRetry ? RETRY : NORMAL;
  return `${startOffset} ${popTime} ${invisibleTime} ${reviveQid} ${retry} ${brokerName} ${queueId} ${handle.queueOffset}`;
}

/**
 * Reads a handle. Its queueOffset is the start of the pop where the peer leaves it out.
 *
 * Errors: INVALID_ARGUMENT naming the part.
 * Source: RocketMQ 5.3 ExtraInfoUtil.java
 */
export function decodePopHandle(extraInfo: string): PopHandle {
  const parts = extraInfo.split(' ');
  if (parts.length < 7 || parts.length > 8) {
    throw new MqError('INVALID_ARGUMENT', `extraInfo has ${parts.length} parts, not 7 or 8`);
  }
  const number = (index: number, name: string): number => {
    const text = parts[index] ?? '';
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(value)) return value;
    throw new MqError(
      'INVALID_ARGUMENT',
      `extraInfo: ${name} is ${JSON.stringify(text.slice(0, 40))}, not an integer in 0..2^53`,
    );
  };
  const startOffset = number(0, 'ckQueueOffset');
  return {
    startOffset,
    popTime: number(1, 'popTime'),
    invisibleTime: number(2, 'invisibleTime'),
    reviveQid: number(3, 'reviveQid'),
    isRetry: readRetryFlag(parts[4]!),
    brokerName: parts[5]!,
    queueId: number(6, 'queueId'),
    queueOffset: parts.length === 8 ? number(7, 'msgQueueOffset') : startOffset,
  };
}

/** Errors: INVALID_ARGUMENT naming the flag. */
export function readRetryFlag(flag: string): boolean {
  if (flag === NORMAL) return false;
  if (flag === RETRY) return true;
  const hint = flag === RETRY_V2 ? ' (enableRetryTopicV2 is false)' : '';
  throw new MqError(
    'INVALID_ARGUMENT',
    `the retry flag is ${JSON.stringify(flag.slice(0, 40))}, not 0 or 1${hint}`,
  );
}

export function retryFlag(isRetry: boolean): string {
  return isRetry ? RETRY : NORMAL;
}

/** The topic whose queue a popped message is in. */
export function topicOfHandle(
  { isRetry }: Pick<PopHandle, 'isRetry'>,
  topic: string,
  consumerGroup: string,
): string {
  return isRetry && !isRetryTopic(topic) ? popRetryTopic(topic, consumerGroup) : topic;
}

/** What one pop took from one queue. */
export interface PoppedRange {
  readonly isRetry: boolean;
  readonly queueId: number;
  readonly startOffset: number;
  /** Of the messages, in order. */
  readonly queueOffsets: readonly number[];
}

/** `retryFlag queueId startOffset`, queues separated by semicolons. */
export function startOffsetInfo(ranges: readonly PoppedRange[]): string {
  return ranges
    .map(({ isRetry, queueId, startOffset }) => `${retryFlag(isRetry)} ${queueId} ${startOffset}`)
    .join(';');
}

/** `retryFlag queueId offset,offset…`, queues separated by semicolons. */
export function msgOffsetInfo(ranges: readonly PoppedRange[]): string {
  return ranges
    .map(
      ({ isRetry, queueId, queueOffsets }) =>
        `${retryFlag(isRetry)} ${queueId} ${queueOffsets.join(',')}`,
    )
    .join(';');
}

/** How often the messages of a queue that is popped in order were popped before; only what is above 0 is named. */
export interface OrderCounts {
  readonly queueId: number;
  readonly byOffset: ReadonlyMap<number, number>;
  /** Of all messages of the pop: for clients that know no more than that. */
  readonly least: number;
}

/** `0 qo<queueId>%<queueOffset> count` for each message and `0 queueId count` for the queue. */
export function orderCountInfo(counts: readonly OrderCounts[]): string {
  return counts
    .flatMap(({ queueId, byOffset, least }) => [
      ...Array.from(byOffset, ([offset, count]) => `${NORMAL} qo${queueId}%${offset} ${count}`),
      `${NORMAL} ${queueId} ${least}`,
    ])
    .join(';');
}

/**
 * Reads startOffsetInfo: where the pop began, by `retryFlag@queueId`.
 *
 * Errors: INVALID_ARGUMENT naming the entry.
 */
export function parseStartOffsetInfo(info: string | undefined): Map<string, number> {
  const starts = new Map<string, number>();
  if (info === undefined || info === '') return starts;
  for (const entry of info.split(';')) {
    const [flag, key, value] = entry.split(' ');
    if (flag === undefined || key === undefined || !/^\d{1,16}$/.test(value ?? '')) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `startOffsetInfo has ${JSON.stringify(entry.slice(0, 60))}, not "retry queueId offset"`,
      );
    }
    starts.set(`${flag}@${key}`, Number(value));
  }
  return starts;
}
