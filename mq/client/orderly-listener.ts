import { MqError } from '../errors.ts';
import { looksLikeResult } from './consume-result.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import type { LazyAbort } from './lazy-abort.ts';

/** What an orderly listener may return. Returning nothing means SUCCESS. */
export type ConsumeOrderlyResult = 'SUCCESS' | 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

export interface ConsumeOrderlyContext {
  /**
   * Aborted when the listener should stop: its queue is not this consumer's any more, or the consumer has waited
   * shutdownGraceMs for it. Whatever it returns then counts no more.
   */
  readonly signal: AbortSignal;
  /** How long the queue rests if this call fails or suspends it, 10 to 30,000 ms; set it for a time of your own. */
  suspendCurrentQueueTimeMs: number;
}

/** Consumes one message of a queue, the next one only after it. Throwing means SUSPEND_CURRENT_QUEUE_A_MOMENT. */
export type MessageListenerOrderly = (
  message: ConsumedMessage,
  context: ConsumeOrderlyContext,
) => Promise<void | ConsumeOrderlyResult> | void | ConsumeOrderlyResult;

const orderlyResults: ReadonlySet<unknown> = new Set<ConsumeOrderlyResult>([
  'SUCCESS',
  'SUSPEND_CURRENT_QUEUE_A_MOMENT',
]);

const SHORTEST_SUSPENSION_MS = 10;
const LONGEST_SUSPENSION_MS = 30_000;

/** What the listener may set is a plain field; its signal is made when it is asked for. */
export class OrderlyContext implements ConsumeOrderlyContext {
  readonly #abort: LazyAbort;
  readonly #usualMs: number;
  suspendCurrentQueueTimeMs: number;

  constructor(abort: LazyAbort, usualMs: number) {
    this.#abort = abort;
    this.#usualMs = usualMs;
    this.suspendCurrentQueueTimeMs = usualMs;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** How long the queue rests, whatever the listener has set. */
  get suspensionMs(): number {
    // Listeners in JavaScript may have set anything.
    const wantedMs: unknown = this.suspendCurrentQueueTimeMs;
    // Below 0 means the usual time, as −1 does for Java; NaN is not above 0 either.
    const ms = typeof wantedMs === 'number' && wantedMs >= 0 ? wantedMs : this.#usualMs;
    return Math.min(Math.max(ms, SHORTEST_SUSPENSION_MS), LONGEST_SUSPENSION_MS);
  }
}

/**
 * Whether what a listener returned means that the message is done with.
 *
 * Errors: INVALID_ARGUMENT for what looks like a result and is none, of concurrent listeners for instance: taken for
 *         success, the message would be lost.
 */
export function isOrderlySuccess(result: unknown): boolean {
  if (looksLikeResult(result) && !orderlyResults.has(result)) {
    throw new MqError('INVALID_ARGUMENT', `the listener returned ${JSON.stringify(result)}`);
  }
  return result !== 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
}
