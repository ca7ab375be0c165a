import { DomainError } from '../../common/errors.ts';
import type { FlashSaleState } from '../domain/flash-sale.ts';
import type { LiveTicket, TicketOutcome } from '../domain/ticket.ts';
import type { LuaScript } from './lua-script.ts';
import type { SaleKeys } from './sale-keys.ts';
import type { SaleRedis } from './sale-redis.ts';
import {
  admitScript,
  closeScript,
  confirmScript,
  giveBackScript,
  keepScript,
  lookUpScript,
  pendingScript,
  readScript,
  settleScript,
} from './sale-scripts.ts';

export type Verdict = 'ADMITTED' | 'ALREADY_BOUGHT' | 'SOLD_OUT' | 'NUMBER_TAKEN';

export type Admission =
  | { window: 'OVER' }
  | { window: 'NOT_STARTED'; startsInMs: number }
  | {
      window: 'OPEN';
      /** By Redis's clock, ms since epoch. */
      admittedAtMs: number;
      /** Pieces left after these. */
      remaining: number;
      sku: string;
      /** One for each that was asked for, in that order. */
      verdicts: Verdict[];
    };

/** What was built for another server, or never: the ledger knows, and the keeper is going to build it from there. */
export const NOT_READY = 'SALE.NOT_READY';

export function isNotReady(error: unknown): boolean {
  return error instanceof DomainError && error.code === NOT_READY;
}

const verdictOf: Readonly<Record<string, Verdict>> = {
  A: 'ADMITTED',
  B: 'ALREADY_BOUGHT',
  S: 'SOLD_OUT',
  D: 'NUMBER_TAKEN',
};

/**
 * The state of a sale in Redis, as it changes: who holds a piece, how many are left, what has become of whom.
 *
 * Errors of every method: SALE.NOT_READY (unavailable), see above: nothing was done. Whoever brings news that the ledger has
 *         (`settle`) need not mind, since the state will be built from the ledger; but what he notes as told is not told.
 *         SALE.UNAVAILABLE while there is no connection: nothing was done. ioredis's own: nobody knows whether it was done.
 *         Every method may be called again then; `admit` with other numbers.
 */
export class SaleState {
  readonly #redis: SaleRedis;
  readonly #keys: SaleKeys;

  constructor(redis: SaleRedis, keys: SaleKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** At most 512 at once: they go into one script. */
  async admit(saleId: string, wishes: readonly LiveTicket[]): Promise<Admission> {
    const argv = wishes.flatMap(({ ticketNo, userId }) => [ticketNo, userId]);
    const answer = (await this.#run(admitScript, saleId, argv)) as [string, ...unknown[]];
    switch (answer[0]) {
      case 'OVER':
        return { window: 'OVER' };
      case 'NOT_STARTED':
        return { window: 'NOT_STARTED', startsInMs: answer[1] as number };
      default: {
        const [, admittedAtMs, remaining, sku, letters] = answer as [
          string,
          number,
          number,
          string,
          string,
        ];
        const verdicts = Array.from(letters, (letter) => verdictOf[letter]!);
        return { window: 'OPEN', admittedAtMs, remaining, sku, verdicts };
      }
    }
  }

  /** Their messages are safe. Returns those that were given up meanwhile. At most 512 at once. */
  async confirm(saleId: string, ticketNos: readonly string[]): Promise<string[]> {
    return (await this.#run(confirmScript, saleId, ticketNos)) as string[];
  }

  /** For tickets of which no message was ever sent. Returns how many pieces came back: 0 for what was given back before. */
  async giveBack(saleId: string, ticketNos: readonly string[]): Promise<number> {
    const argv = [this.#keys.stockChannel(saleId), ...ticketNos];
    return (await this.#run(giveBackScript, saleId, argv)) as number;
  }

  /**
   * Notes what has become of tickets, as the ledger has it, and tells whoever listens; the pieces of what has come to nothing come
   * back. What was told before changes nothing. `forgetAtMs`: of the sale.
   */
  async settle(
    saleId: string,
    outcomes: readonly TicketOutcome[],
    forgetAtMs: number,
  ): Promise<void> {
    const argv = outcomes.flatMap((outcome) => [
      outcome.ticketNo,
      outcome.userId,
      outcome.status,
      JSON.stringify(outcome),
    ]);
    const channels = [this.#keys.stockChannel(saleId), this.#keys.outcomesChannel(saleId)];
    await this.#run(settleScript, saleId, [...channels, forgetAtMs, ...argv]);
  }

  /**
   * Admitted longer ago than that, and nobody has said that the message is safe; oldest first. From now on nobody will: they
   * come again until they are settled or kept.
   */
  async pending(saleId: string, olderThanMs: number, maxCount: number): Promise<LiveTicket[]> {
    return pairsOf(await this.#run(pendingScript, saleId, [olderThanMs, maxCount]));
  }

  /** Given up too soon: the ledger has them. At most 512 at once. */
  async keep(saleId: string, ticketNos: readonly string[]): Promise<void> {
    await this.#run(keepScript, saleId, ticketNos);
  }

  /** Undefined: Redis does not know the ticket; the ledger may. */
  async lookUp(
    saleId: string,
    ticketNo: string,
  ): Promise<{ userId: string; outcome: TicketOutcome | undefined } | undefined> {
    const [userId, outcome] = (await this.#run(lookUpScript, saleId, [ticketNo])) as [
      string,
      string,
    ];
    if (outcome !== '') {
      const told = JSON.parse(outcome) as TicketOutcome;
      return { userId: told.userId, outcome: told };
    }
    return userId === '' ? undefined : { userId, outcome: undefined };
  }

  async read(saleId: string): Promise<{ state: FlashSaleState; remaining: number }> {
    const [state, remaining] = (await this.#run(readScript, saleId, [])) as [
      FlashSaleState,
      string,
    ];
    return { state, remaining: Number(remaining) };
  }

  async close(saleId: string): Promise<void> {
    await this.#run(closeScript, saleId, [this.#keys.salesChannel, saleId]);
  }

  async #run(
    script: LuaScript,
    saleId: string,
    argv: readonly (string | number)[],
  ): Promise<unknown> {
    const { client, runId } = this.#redis;
    const answer = await script.run(client, this.#keys.of(saleId), [runId, ...argv]);
    if (answer !== 'NOT_READY') return answer;
    throw new DomainError(NOT_READY, 'unavailable', `sale ${saleId} is being prepared, try again`);
  }
}

function pairsOf(flat: unknown): LiveTicket[] {
  const list = flat as string[];
  const pairs: LiveTicket[] = [];
  for (let at = 0; at < list.length; at += 2) {
    pairs.push({ ticketNo: list[at]!, userId: list[at + 1]! });
  }
  return pairs;
}
