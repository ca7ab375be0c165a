import { MqError } from '../errors.ts';
import type { ConsumeContext } from './message-listener.ts';
import {
  looksLikeResult,
  readConsumeResult,
  USUAL_RETRY,
  type ConsumeResult,
  type ConsumeVerdict,
} from './consume-result.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import {
  isOrderlySuccess,
  type ConsumeOrderlyContext,
  type ConsumeOrderlyResult,
} from './orderly-listener.ts';

/** The messages up to this index are consumed, −1 for none of them; those behind it are not. */
export interface AckUpTo {
  ackIndex: number;
}

/** The same, and after which delay level the others come again; see ReconsumeLater. */
export interface AckUpToAndRetry extends AckUpTo {
  delayTimeLevel?: number;
}

/** What became of one message of a batch; `Promise.allSettled` says it, too. */
export type BatchedResult = ConsumeResult | void | PromiseSettledResult<ConsumeResult | void>;

/** What a listener may return for a batch: one result for all, one for each, or up to where it got. Nothing: all are consumed. */
export type ConsumeBatchResult = ConsumeResult | AckUpToAndRetry | readonly BatchedResult[];

/** Consumes up to consumeMessageBatchMaxSize messages of one queue. Throwing means RECONSUME_LATER for all of them. */
export type MessageBatchListener = (
  messages: readonly ConsumedMessage[],
  context: ConsumeContext,
) => Promise<void | ConsumeBatchResult> | void | ConsumeBatchResult;

/** Nothing or SUCCESS: all are consumed. What is not comes again first, in order. */
export type ConsumeBatchOrderlyResult = ConsumeOrderlyResult | AckUpTo;

/** Consumes the next messages of one queue, in order. Throwing means SUSPEND_CURRENT_QUEUE_A_MOMENT: all of them again. */
export type MessageBatchListenerOrderly = (
  messages: readonly ConsumedMessage[],
  context: ConsumeOrderlyContext,
) => Promise<void | ConsumeBatchOrderlyResult> | void | ConsumeBatchOrderlyResult;

/** What a listener meant for each of `count` messages. As with one message, what is no result of its kind is a retry. */
export function readBatchResult(result: unknown, count: number): ConsumeVerdict[] {
  if (Array.isArray(result)) return readEach(result, count);
  if (!hasAckIndex(result)) return filled(readConsumeResult(result), count);
  const { status, ackIndex, delayTimeLevel } = result;
  if (!isAckIndex(ackIndex) || (status !== undefined && status !== 'CONSUME_SUCCESS')) {
    return filled(nonsense(`{ status: ${String(status)}, ackIndex: ${String(ackIndex)} }`), count);
  }
  const consumed = readConsumeResult('CONSUME_SUCCESS');
  const rest = readConsumeResult({ status: 'RECONSUME_LATER', delayTimeLevel });
  return Array.from({ length: count }, (_, index) => (index <= ackIndex ? consumed : rest));
}

/**
 * How many of `count` messages in order are done with.
 *
 * Errors: INVALID_ARGUMENT for what looks like a result and is none.
 */
export function readBatchOrderlyResult(result: unknown, count: number): number {
  if (!hasAckIndex(result)) return isOrderlySuccess(result) ? count : 0;
  const { status, ackIndex } = result;
  if (!isAckIndex(ackIndex) || status !== undefined) {
    throw nonsense(`{ status: ${String(status)}, ackIndex: ${String(ackIndex)} }`).fault;
  }
  return Math.min(ackIndex + 1, count);
}

function readEach(results: readonly unknown[], count: number): ConsumeVerdict[] {
  if (results.length === count) return results.map(readOne);
  // A list of something else is what the last statement happened to yield.
  const areResults = results.some((result) => looksLikeResult(result));
  return filled(
    areResults
      ? nonsense(`${results.length} results for ${count} messages`)
      : readConsumeResult(undefined),
    count,
  );
}

function readOne(result: unknown): ConsumeVerdict {
  if (typeof result !== 'object' || result === null) return readConsumeResult(result);
  const { status, value, reason } = result as {
    status?: unknown;
    value?: unknown;
    reason?: unknown;
  };
  if (status === 'fulfilled') return readConsumeResult(value);
  if (status === 'rejected')
    return { isConsumed: false, ...USUAL_RETRY, failure: { error: reason } };
  return readConsumeResult(result);
}

function hasAckIndex(
  result: unknown,
): result is { status?: unknown; ackIndex: unknown; delayTimeLevel?: unknown } {
  return typeof result === 'object' && result !== null && 'ackIndex' in result;
}

function isAckIndex(ackIndex: unknown): ackIndex is number {
  return Number.isInteger(ackIndex) && Number(ackIndex) >= -1;
}

function nonsense(what: string): ConsumeVerdict & { fault: MqError } {
  const fault = new MqError(
    'INVALID_ARGUMENT',
    `the listener returned ${what}: ackIndex is an integer ≥ -1, and results are one for each message`,
  );
  return { isConsumed: false, ...USUAL_RETRY, fault };
}

function filled(verdict: ConsumeVerdict, count: number): ConsumeVerdict[] {
  return Array.from({ length: count }, () => verdict);
}
