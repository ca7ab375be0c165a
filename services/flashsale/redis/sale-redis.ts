import type { OnApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { DomainError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { RedisConnection } from '../../common/redis.ts';

/**
 * Redis is no shortcut here but decides: on a machine that is busy, an answer that is a second late is better than none. It is
 * less than what a ticket may be pending by far.
 */
const COMMAND_TIMEOUT_MS = 2_000;

/**
 * A connection that knows which server it leads to: its run_id, new with every start of a server, also of one that loads an old
 * dump. The id is asked for on each new connection, before anything else, so it can never be that of an earlier one.
 */
export class SaleRedis implements OnApplicationShutdown {
  readonly client: Redis;
  readonly #connection: RedisConnection;
  #runId: string | undefined;

  constructor(url: string, log: Log) {
    this.#connection = new RedisConnection(url, log, '', COMMAND_TIMEOUT_MS);
    this.client = this.#connection.client;
    this.client.on('close', () => {
      this.#runId = undefined;
    });
    this.client.on('ready', () => {
      this.#learn().catch((error: unknown) => {
        log.warn('redis does not tell its run_id, the connection is made anew', { error });
        this.client.disconnect(true);
      });
    });
  }

  /** Of the server this connection leads to now. Errors: SALE.UNAVAILABLE while there is none. */
  get runId(): string {
    if (this.#runId !== undefined) return this.#runId;
    throw new DomainError('SALE.UNAVAILABLE', 'unavailable', 'redis is away, try again');
  }

  get isReady(): boolean {
    return this.#runId !== undefined;
  }

  onApplicationShutdown(): void {
    this.#connection.onApplicationShutdown();
  }

  async #learn(): Promise<void> {
    // Settles before anything that is asked later on the same connection; a `close` in between makes it fail.
    const info = await this.client.info('server');
    const runId = /^run_id:(\w+)/m.exec(info)?.[1];
    if (runId === undefined) throw new Error('INFO has no run_id');
    this.#runId = runId;
  }
}
