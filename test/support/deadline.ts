export interface DeadlineOptions {
  /** Generous on purpose: it is a bound on a broken run, not a measurement of a good one. */
  timeoutMs?: number;
  pollMs?: number;
  /** What is awaited, for the message of a failure. */
  what?: string;
}

/**
 * Polls until `probe` returns something truthy, and returns that.
 *
 * Errors: names what was awaited, and the last error `probe` threw, when the deadline passes.
 */
export async function until<T>(
  probe: () => T | Promise<T>,
  { timeoutMs = 10_000, pollMs = 5, what = probe.toString() }: DeadlineOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`not so within ${timeoutMs} ms: ${what}`, { cause: lastError });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Fails a promise that does not settle in time, naming what hung. */
export async function within<T>(promise: Promise<T>, what: string, timeoutMs = 10_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took over ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
