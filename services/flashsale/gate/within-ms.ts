/**
 * The outcome of `work` if there is one in time. Errors: TimeoutError, and what becomes of `work` then is nobody's concern; else
 * its own.
 */
export async function withinMs<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new DOMException(`not done within ${timeoutMs} ms`, 'TimeoutError'));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
