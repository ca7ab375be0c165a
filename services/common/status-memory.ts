import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Log } from './log.ts';

/** The part of ioredis it uses. */
export type StatusStore = Pick<Redis, 'set' | 'get' | 'eval'>;

const PROCESSING = 'processing:';
const DONE = 'done:';

/** Deletes the key only while it is still our own mark: another delivery may have finished since. */
const RELEASE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;

/**
 * Redis's quick memory of what is being done and what is done. It is never the truth: flushed, stale or away, it only
 * makes things slower, because then the database decides alone.
 *
 * `processing` is a sign that two deliveries overlap; `done` is an answer, and is written after the commit, never before.
 */
export class StatusMemory {
  readonly #store: StatusStore;
  readonly #settings: { processingExpiryMs: number; doneExpiryMs: number };
  readonly #log: Log;

  constructor(parts: {
    store: StatusStore;
    settings: { processingExpiryMs: number; doneExpiryMs: number };
    log: Log;
  }) {
    this.#store = parts.store;
    this.#settings = parts.settings;
    this.#log = parts.log;
  }

  /** What was noted when it was finished; else that somebody is on it from now on, with the mark that `release` takes back. */
  async begin(key: string): Promise<{ mark: string; done?: string }> {
    const mark = PROCESSING + randomUUID();
    const found = await this.#ask('begin', async () => {
      const isOurs = await this.#store.set(
        key,
        mark,
        'PX',
        this.#settings.processingExpiryMs,
        'NX',
      );
      return isOurs === 'OK' ? undefined : ((await this.#store.get(key)) ?? undefined);
    });
    if (found?.startsWith(DONE)) return { mark, done: found.slice(DONE.length) };
    if (found !== undefined) this.#log.info('another delivery of this is being handled', { key });
    return { mark };
  }

  async finish(key: string, note: string): Promise<void> {
    await this.#ask('finish', () =>
      this.#store.set(key, DONE + note, 'PX', this.#settings.doneExpiryMs),
    );
  }

  async release(key: string, mark: string): Promise<void> {
    await this.#ask('release', () => this.#store.eval(RELEASE, 1, key, mark));
  }

  async #ask<T>(what: string, question: () => Promise<T>): Promise<T | undefined> {
    try {
      return await question();
    } catch (error) {
      this.#log.debug('redis did not answer, the database decides', { what, error });
      return undefined;
    }
  }
}
