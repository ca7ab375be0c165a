import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { forgetAtMs } from '../domain/flash-sale.ts';
import type { TicketOutcome } from '../domain/ticket.ts';
import { FlashSaleRepository } from '../persistence/flash-sale.repository.ts';
import type { LedgerTicket } from '../persistence/ticket-ledger.ts';
import { SaleState } from '../redis/sale-state.ts';

/** They go into one script. */
const MAX_COUNT = 512;
/** Sales do not change their end; those that were looked up last are kept. */
const MAX_KNOWN_SALES = 256;

/** Tells Redis, and by it whoever waits, what has become of tickets, once the ledger has it. */
@Injectable()
export class TellRedis {
  readonly #forgetAtMs = new Map<string, number>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly sales: FlashSaleRepository,
    private readonly state: SaleState,
  ) {}

  /**
   * Those that have not come to anything yet are left out. May be told again.
   *
   * Errors: SALE.NOT_READY while a sale is being built: whoever builds it may have read the ledger before it had these.
   *         SALE.UNAVAILABLE, ioredis's own.
   */
  async execute(tickets: readonly LedgerTicket[]): Promise<void> {
    const bySale = new Map<string, TicketOutcome[]>();
    for (const ticket of tickets) {
      const outcome = outcomeOf(ticket);
      if (outcome === undefined) continue;
      const group = bySale.get(ticket.saleId);
      if (group === undefined) bySale.set(ticket.saleId, [outcome]);
      else group.push(outcome);
    }
    for (const [saleId, outcomes] of bySale) {
      const forgetAt = await this.#forgetAt(saleId);
      // Of a sale that is not in the ledger there is nothing in Redis either.
      if (forgetAt === undefined) continue;
      for (let from = 0; from < outcomes.length; from += MAX_COUNT) {
        await this.state.settle(saleId, outcomes.slice(from, from + MAX_COUNT), forgetAt);
      }
    }
  }

  async #forgetAt(saleId: string): Promise<number | undefined> {
    const known = this.#forgetAtMs.get(saleId);
    if (known !== undefined) return known;
    const sale = await this.sales.find(this.dataSource.manager, saleId);
    if (sale === undefined) return undefined;
    if (this.#forgetAtMs.size >= MAX_KNOWN_SALES) this.#forgetAtMs.clear();
    this.#forgetAtMs.set(saleId, forgetAtMs(sale));
    return forgetAtMs(sale);
  }
}

/** Undefined: it has not come to anything yet. */
export function outcomeOf({
  ticketNo,
  userId,
  status,
  code,
  reason,
}: LedgerTicket): TicketOutcome | undefined {
  if (status === 'TAKEN') return undefined;
  return {
    ticketNo,
    userId,
    status,
    ...(code === null ? {} : { code }),
    ...(reason === null ? {} : { reason }),
  };
}
