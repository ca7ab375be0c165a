import { systemClock } from '../clock.ts';

const LONG_MS = 2 ** 30;

/**
 * Keeps the process alive until the work is done. The test broker's own sockets and timers do not, and a program that
 * waits for nothing else would end in the middle of its `await`.
 */
export async function awake<T>(work: () => Promise<T>): Promise<T> {
  const timer = systemClock.setInterval(() => undefined, LONG_MS);
  try {
    return await work();
  } finally {
    systemClock.clearInterval(timer);
  }
}
