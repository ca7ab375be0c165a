import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';

export function aborted(signal: AbortSignal | undefined): MqError {
  return new MqError('REQUEST_ABORTED', 'aborted while waiting', { cause: signal?.reason });
}

/** Waits. Errors: REQUEST_ABORTED as soon as `signal` is aborted. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clock.clearTimeout(timer);
      reject(aborted(signal));
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, delayMs);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

/**
 * The work's outcome, or an error when it is not there by `deadlineMs` on the monotonic clock. The work itself goes on.
 *
 * Errors: those of the work, `late`'s, and REQUEST_ABORTED as soon as `signal` is aborted.
 */
export function inTime<T>(
  clock: Clock,
  deadlineMs: number,
  work: Promise<T>,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const leftMs = Math.max(deadlineMs - clock.monotonicMs(), 0);
    const timer = clock.setTimeout(() => settle(() => reject(late())), leftMs);
    const abort = (): void => settle(() => reject(aborted(signal)));
    const settle = (how: () => void): void => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      how();
    };
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

/** The work's outcome. Errors: those of the work, and REQUEST_ABORTED as soon as `signal` is aborted. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(aborted(signal));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    work.then(
      (value) => {
        signal.removeEventListener('abort', abort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', abort);
        reject(error);
      },
    );
  });
}
