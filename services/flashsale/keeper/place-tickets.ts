import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { inTransaction } from '../../common/transaction.ts';
import type { FlashOrderRequested } from '../../contracts/flash-orders.ts';
import { TicketLedger, type LedgerTicket } from '../persistence/ticket-ledger.ts';
import { isNotReady } from '../redis/sale-state.ts';
import { FlashOrderDesk } from './flash-order-desk.ts';
import { KeeperMetrics } from './keeper-metrics.ts';
import { TellRedis } from './tell-redis.ts';

/**
 * Has the orders of a batch of tickets placed: takes the tickets into the ledger, asks the order service for all orders at once,
 * notes what became of them, tells Redis.
 *
 * Crash:  may end after each of the four; the batch comes again as long as it has not come to its end, and what is done is found
 *         done: in the ledger by the ticket's number, in the order service by the order's, which is the same.
 * Errors: those of the database, the order service and Redis: the batch must come again.
 */
@Injectable()
export class PlaceTickets {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: TicketLedger,
    private readonly desk: FlashOrderDesk,
    private readonly tellRedis: TellRedis,
    private readonly metrics: KeeperMetrics,
    private readonly clock: Clock,
  ) {}

  async execute(batch: readonly FlashOrderRequested[]): Promise<void> {
    const requests = [...new Map(batch.map((each) => [each.ticketNo, each])).values()];
    const tickets = await inTransaction(this.dataSource, (manager) =>
      this.ledger.take(
        manager,
        requests.map((each) => ({ ...each, admittedAt: new Date(each.admittedAt) })),
        this.clock.now(),
      ),
    );
    const due = tickets.filter(({ status }) => status === 'TAKEN');
    const settled = due.length === 0 ? [] : await this.#place(due, requests);
    await this.#tell([...tickets.filter(({ status }) => status !== 'TAKEN'), ...settled]);
  }

  async #place(
    due: readonly LedgerTicket[],
    requests: readonly FlashOrderRequested[],
  ): Promise<LedgerTicket[]> {
    const skuOf = new Map(requests.map(({ ticketNo, sku }) => [ticketNo, sku]));
    const outcomes = await this.desk.place(
      due.map(({ ticketNo, saleId, userId }) => ({
        ticketNo,
        saleId,
        sku: skuOf.get(ticketNo)!,
        userId,
        quantity: 1,
      })),
    );
    const settled = await inTransaction(this.dataSource, (manager) =>
      this.ledger.settle(manager, due, outcomes, this.clock.now()),
    );
    for (const { status } of settled) this.metrics.tickets.inc({ outcome: status });
    return settled;
  }

  async #tell(tickets: readonly LedgerTicket[]): Promise<void> {
    try {
      await this.tellRedis.execute(tickets);
    } catch (error) {
      // It is built from the ledger, and not before this batch has come to its end: to wait for it would be to wait for ever.
      if (!isNotReady(error)) throw error;
    }
  }
}
