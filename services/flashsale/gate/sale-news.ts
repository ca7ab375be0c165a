import type { OnApplicationShutdown } from '@nestjs/common';
import type { Log } from '../../common/log.ts';
import { RedisConnection } from '../../common/redis.ts';
import type { TicketOutcome } from '../domain/ticket.ts';
import type { SaleKeys } from '../redis/sale-keys.ts';

type Watcher = (outcome: TicketOutcome) => void;

/**
 * Hears what Redis tells of sales, on a connection of its own.
 *
 * News may be missed, while the connection is away, say: whoever waits for some also looks for himself from time to time.
 */
export class SaleNews implements OnApplicationShutdown {
  readonly #connection: RedisConnection;
  readonly #keys: SaleKeys;
  readonly #log: Log;
  readonly #watchers = new Map<string, Map<string, Set<Watcher>>>();

  constructor(parts: {
    url: string;
    keys: SaleKeys;
    log: Log;
    onStock: (saleId: string, remaining: number) => void;
    /** A sale was opened or closed. */
    onSale: () => void;
  }) {
    const { url, keys, log, onStock, onSale } = parts;
    this.#keys = keys;
    this.#log = log;
    this.#connection = new RedisConnection(url, log);
    const { client } = this.#connection;
    client.on('ready', () => {
      const channels = [...this.#watchers.keys()].map((saleId) => keys.outcomesChannel(saleId));
      void this.#ask(client.psubscribe(keys.stockChannels));
      void this.#ask(client.subscribe(keys.salesChannel, ...channels));
    });
    client.on('pmessage', (_pattern: string, channel: string, message: string) => {
      onStock(keys.saleIdOf(channel), Number(message));
    });
    client.on('message', (channel: string, message: string) => {
      if (channel === keys.salesChannel) onSale();
      else this.#tell(keys.saleIdOf(channel), JSON.parse(message) as TicketOutcome[]);
    });
  }

  /**
   * Calls `watcher` with each outcome of the ticket that is told once `isHeard` has settled (or, with Redis away, once it is back),
   * until `stop` is called.
   */
  watch(
    saleId: string,
    ticketNo: string,
    watcher: Watcher,
  ): { isHeard: Promise<void>; stop: () => void } {
    const ofSale = this.#watchers.get(saleId) ?? new Map<string, Set<Watcher>>();
    this.#watchers.set(saleId, ofSale);
    const ofTicket = ofSale.get(ticketNo) ?? new Set();
    ofSale.set(ticketNo, ofTicket.add(watcher));
    const { client } = this.#connection;
    // To subscribe twice is to be subscribed; while there is no connection, it is done when there is one.
    const isHeard =
      client.status === 'ready'
        ? this.#ask(client.subscribe(this.#keys.outcomesChannel(saleId)))
        : Promise.resolve();
    return { isHeard, stop: () => this.#forget(saleId, ticketNo, watcher) };
  }

  onApplicationShutdown(): void {
    this.#connection.onApplicationShutdown();
  }

  #forget(saleId: string, ticketNo: string, watcher: Watcher): void {
    const ofSale = this.#watchers.get(saleId);
    const ofTicket = ofSale?.get(ticketNo);
    if (ofSale === undefined || ofTicket === undefined) return;
    ofTicket.delete(watcher);
    if (ofTicket.size === 0) ofSale.delete(ticketNo);
    if (ofSale.size > 0) return;
    this.#watchers.delete(saleId);
    const { client } = this.#connection;
    if (client.status === 'ready')
      void this.#ask(client.unsubscribe(this.#keys.outcomesChannel(saleId)));
  }

  #tell(saleId: string, outcomes: readonly TicketOutcome[]): void {
    const ofSale = this.#watchers.get(saleId);
    if (ofSale === undefined) return;
    for (const outcome of outcomes) {
      for (const watcher of ofSale.get(outcome.ticketNo) ?? []) watcher(outcome);
    }
  }

  async #ask(subscribing: Promise<unknown>): Promise<void> {
    try {
      await subscribing;
    } catch (error) {
      this.#log.warn('no news of sales are heard until redis is back', { error });
    }
  }
}
