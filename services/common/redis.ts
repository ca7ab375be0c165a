import type { OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { Log } from './log.ts';

/**
 * A connection that fails a command at once instead of queueing it: what Redis knows is a shortcut here, and a
 * shortcut that makes its caller wait is none. It reconnects by itself for as long as the process lives.
 */
export class RedisConnection implements OnApplicationShutdown {
  readonly client: Redis;

  /** `keyPrefix`: before every key, so that services, or two copies of one, can share a Redis. */
  constructor(url: string, log: Log, keyPrefix = '', commandTimeoutMs = 500) {
    this.client = new Redis(url, {
      keyPrefix,
      enableOfflineQueue: false,
      // What is asked in one turn of the event loop goes and comes together.
      enableAutoPipelining: true,
      maxRetriesPerRequest: 0,
      connectTimeout: 2_000,
      disconnectTimeout: 200,
      commandTimeout: commandTimeoutMs,
      retryStrategy: (attempt) => Math.min(100 * 2 ** Math.min(attempt, 10), 2_000),
    });
    // One line when it goes and one when it is back: ioredis repeats `error` at every attempt.
    let isReported = false;
    this.client.on('error', (error: unknown) => {
      if (!isReported) log.warn('redis is away', { error });
      isReported = true;
    });
    this.client.on('ready', () => {
      if (isReported) log.info('redis is back');
      isReported = false;
    });
  }

  onApplicationShutdown(): void {
    this.client.disconnect();
  }
}
