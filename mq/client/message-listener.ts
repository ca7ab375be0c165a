import type { ConsumeResult } from './consume-result.ts';
import type { ConsumedMessage } from './consumed-message.ts';

export interface ConsumeContext {
  /**
   * Aborted when the listener should stop: it has run for consumeTimeoutMs, or shutdown has waited long enough.
   * Whatever it returns then counts no more.
   */
  readonly signal: AbortSignal;
}

/** Consumes one message. Throwing means RECONSUME_LATER. */
export type MessageListener = (
  message: ConsumedMessage,
  context: ConsumeContext,
) => Promise<void | ConsumeResult> | void | ConsumeResult;
