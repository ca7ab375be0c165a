import { MqError } from '../errors.ts';
import { awake } from './awake.ts';

export interface WaitOptions {
  /** In real time. Default: what the test broker was given. */
  timeoutMs?: number | undefined;
}

const POLL_MS = 5;

/**
 * Asks `probe` again and again, in real time, until it returns something other than undefined, and returns that.
 *
 * Errors: REQUEST_TIMEOUT with what `explain` says of how things stand then.
 */
export function waitFor<T>(
  probe: () => Promise<T | undefined>,
  timeoutMs: number,
  explain: () => string | Promise<string>,
): Promise<T> {
  return awake(() => poll(probe, timeoutMs, explain));
}

async function poll<T>(
  probe: () => Promise<T | undefined>,
  timeoutMs: number,
  explain: () => string | Promise<string>,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() >= deadlineMs) {
      throw new MqError('REQUEST_TIMEOUT', `${await explain()}, after ${timeoutMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
