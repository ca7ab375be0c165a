import { forgetAtMs, type FlashSale } from '../domain/flash-sale.ts';
import type { LiveTicket, TicketOutcome } from '../domain/ticket.ts';
import type { SaleKeys } from './sale-keys.ts';
import type { SaleRedis } from './sale-redis.ts';
import { beginRebuildScript, finishRebuildScript, loadScript } from './sale-scripts.ts';

/** A ticket that holds a piece, and what it has come to, if to anything. */
export interface HeldTicket extends LiveTicket {
  outcome?: TicketOutcome | undefined;
}

/** How long the builder may pause; then another may begin anew, and what the first still does is refused. */
const TURN_MS = 30_000;
const LOAD_COUNT = 1_000;

/**
 * Builds a sale's state in Redis: the first time, and from the ledger when the server is another than it was built for.
 *
 * Order:  begin; then read the ledger; load; finish. Until it is finished nobody is admitted. Who is overtaken, by another builder
 *         or another restart, changes nothing any more and is told so.
 * Errors: SALE.UNAVAILABLE while there is no connection; ioredis's own. Begin anew then, with another token.
 */
export class SaleRebuild {
  readonly #redis: SaleRedis;
  readonly #keys: SaleKeys;

  constructor(redis: SaleRedis, keys: SaleKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * READY: there is nothing to build. LOCKED: somebody else is building. BEGUN: it is the caller's turn, under this `token` of his
   * (any text that nobody else has); all that Redis had of the sale is gone.
   */
  async begin(saleId: string, token: string): Promise<'READY' | 'LOCKED' | 'BEGUN'> {
    const { client, runId } = this.#redis;
    const argv = [runId, token, TURN_MS];
    const answer = await beginRebuildScript.run(client, this.#keys.of(saleId), argv);
    return answer as 'READY' | 'LOCKED' | 'BEGUN';
  }

  /** May be called often. False: the turn is lost. */
  async load(saleId: string, token: string, tickets: readonly HeldTicket[]): Promise<boolean> {
    for (let from = 0; from < tickets.length; from += LOAD_COUNT) {
      const { client, runId } = this.#redis;
      const some = tickets.slice(from, from + LOAD_COUNT);
      const argv = some.flatMap(({ ticketNo, userId, outcome }) => [
        ticketNo,
        userId,
        outcome === undefined ? '' : JSON.stringify(outcome),
      ]);
      const answer = await loadScript.run(client, this.#keys.of(saleId), [
        runId,
        token,
        TURN_MS,
        ...argv,
      ]);
      if (answer === 'LOST') return false;
    }
    return true;
  }

  /** From now on customers are admitted, to as many pieces as the stock has more than were loaded. Undefined: the turn is lost. */
  async finish(sale: FlashSale, token: string): Promise<{ remaining: number } | undefined> {
    const { client, runId } = this.#redis;
    const { saleId, sku, stock, perUserLimit, startsAt, endsAt, state } = sale;
    const fields = {
      sku,
      state,
      limit: perUserLimit,
      startsAtMs: startsAt.getTime(),
      endsAtMs: endsAt.getTime(),
    };
    const answer = await finishRebuildScript.run(client, this.#keys.of(saleId), [
      runId,
      token,
      this.#keys.stockChannel(saleId),
      forgetAtMs(sale),
      stock,
      ...Object.entries(fields).flat(),
    ]);
    return answer === 'LOST' ? undefined : { remaining: answer as number };
  }
}
