import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { Log } from '../../common/log.ts';
import { inTransaction } from '../../common/transaction.ts';
import type { LiveTicket } from '../domain/ticket.ts';
import { TicketLedger } from '../persistence/ticket-ledger.ts';
import { SaleState } from '../redis/sale-state.ts';
import { KeeperMetrics } from './keeper-metrics.ts';
import { TellRedis } from './tell-redis.ts';

const MAX_COUNT = 256;

/** How long a ticket may be pending. */
export class PendingTimeout {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

/**
 * Looks after tickets that were admitted and of whose message nobody has said that it is safe: their gate was killed, say,
 * between Redis and the broker. The ledger decides, by its primary key: where there is no such ticket yet a VOID one is put, the
 * piece goes back to the sale, and a message that comes later counts no more. Where there is one its message has come.
 */
@Injectable()
export class ReconcilePending {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: TicketLedger,
    private readonly state: SaleState,
    private readonly tellRedis: TellRedis,
    private readonly timeout: PendingTimeout,
    private readonly metrics: KeeperMetrics,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** Returns how many were given up. Errors: SALE.NOT_READY; those of Redis and the database: the next round goes on. */
  async execute(saleId: string): Promise<number> {
    let voidCount = 0;
    for (;;) {
      const pending = await this.state.pending(saleId, this.timeout.ms, MAX_COUNT);
      if (pending.length > 0) voidCount += await this.#decide(saleId, pending);
      if (pending.length < MAX_COUNT) return voidCount;
    }
  }

  async #decide(saleId: string, pending: readonly LiveTicket[]): Promise<number> {
    const tickets = await inTransaction(this.dataSource, (manager) =>
      this.ledger.giveUp(manager, saleId, pending, this.clock.now()),
    );
    const kept = tickets.filter(({ status }) => status === 'TAKEN');
    if (kept.length > 0) {
      await this.state.keep(
        saleId,
        kept.map(({ ticketNo }) => ticketNo),
      );
    }
    await this.tellRedis.execute(tickets);
    const voidCount = tickets.filter(({ status }) => status === 'VOID').length;
    if (voidCount > 0) {
      this.metrics.tickets.inc({ outcome: 'VOID' }, voidCount);
      this.log.warn('tickets given up, their messages never came', { saleId, count: voidCount });
    }
    return voidCount;
  }
}
