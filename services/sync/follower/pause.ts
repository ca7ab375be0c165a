import { setTimeout as delay } from 'node:timers/promises';

/** Waits so many milliseconds, or until the signal is aborted, whichever is first; injected so that a test need not wait. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

export const pause: Pause = async (ms, signal) => {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};

/** The pause before the next try after so many failures. */
export function backoffMs(
  failureCount: number,
  { minBackoffMs, maxBackoffMs }: { minBackoffMs: number; maxBackoffMs: number },
): number {
  return Math.min(minBackoffMs * 2 ** Math.min(failureCount - 1, 30), maxBackoffMs);
}
