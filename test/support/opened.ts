const opened: AsyncDisposable[] = [];

/** For what the running test opens and `afterEach(closeOpened)` closes. */
export function open<T extends AsyncDisposable>(resource: T): T {
  opened.push(resource);
  return resource;
}

/** First opened, last closed: a broker that closes still writes into the directory that was made for it. */
export async function closeOpened(): Promise<void> {
  for (const resource of opened.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
}
