import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';

/** Waits. Errors: REQUEST_ABORTED as soon as `signal` is aborted. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clock.clearTimeout(timer);
      reject(new MqError('REQUEST_ABORTED', 'aborted while waiting', { cause: signal?.reason }));
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, delayMs);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

/** The work's outcome, or an error when it is not there by `deadlineMs` on the monotonic clock. The work itself goes on. */
export function inTime<T>(
  clock: Clock,
  deadlineMs: number,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const leftMs = Math.max(deadlineMs - clock.monotonicMs(), 0);
    const timer = clock.setTimeout(() => reject(late()), leftMs);
    work.then(
      (value) => {
        clock.clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clock.clearTimeout(timer);
        reject(error);
      },
    );
  });
}
