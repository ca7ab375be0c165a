import { MqError } from '../errors.ts';
import { awake } from './awake.ts';

export interface WaitOptions {
  /** In real time. Default: what the test broker was given. */
  timeoutMs?: number | undefined;
}

const POLL_MS = 5;
/** Of `setTimeout`. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Asks `probe` again and again, in real time, until it returns something other than undefined, and returns that.
 *
 * Errors: REQUEST_TIMEOUT with what `explain` says of how things stand then; INVALID_ARGUMENT for a time limit that would
 * never be reached.
 */
export async function waitFor<T>(
  probe: () => Promise<T | undefined>,
  timeoutMs: number,
  explain: () => string | Promise<string>,
): Promise<T> {
  assertTimeout(timeoutMs);
  return await awake(() => poll(probe, timeoutMs, explain));
}

/** Errors: INVALID_ARGUMENT. */
export function assertTimeout(timeoutMs: number): void {
  if (Number.isFinite(timeoutMs) && timeoutMs >= 0 && timeoutMs <= LONGEST_MS) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `timeoutMs is ${timeoutMs}, it must be a number from 0 to ${LONGEST_MS}`,
  );
}

/** Errors: INVALID_ARGUMENT. */
export function assertCount(name: string, count: number, lowest: number): void {
  if (Number.isSafeInteger(count) && count >= lowest) return;
  throw new MqError('INVALID_ARGUMENT', `${name} is ${count}, it must be an integer ≥ ${lowest}`);
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
