import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { inTransaction } from '../../common/transaction.ts';
import type { OrderClosed } from '../../contracts/order-events.ts';
import { TicketLedger } from '../persistence/ticket-ledger.ts';
import { KeeperMetrics } from './keeper-metrics.ts';
import { TellRedis } from './tell-redis.ts';

const CLOSED = { code: 'ORDER.CLOSED', reason: 'nobody paid in time' };

/**
 * Gives the piece of an order that nobody paid back to its sale, where somebody else may have it as long as the sale is open.
 * The order may be closed before the batch that placed it has come to its end: its ticket is RETURNED then and stays so.
 *
 * Errors: the database's and Redis's; SALE.NOT_READY: to be tried again, for the piece may have been counted before.
 */
@Injectable()
export class ReturnTicket {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: TicketLedger,
    private readonly tellRedis: TellRedis,
    private readonly metrics: KeeperMetrics,
    private readonly clock: Clock,
  ) {}

  async execute({ orderNo }: OrderClosed): Promise<Handling> {
    const ticket = (await this.ledger.find(this.dataSource.manager, [orderNo])).get(orderNo);
    // Most orders are of no sale.
    if (ticket === undefined) return 'overtaken';
    const isNews = await inTransaction(this.dataSource, (manager) =>
      this.ledger.giveBack(manager, ticket, CLOSED, this.clock.now()),
    );
    const found = await this.ledger.find(this.dataSource.manager, [orderNo]);
    await this.tellRedis.execute([...found.values()]);
    if (!isNews) return 'duplicate';
    this.metrics.tickets.inc({ outcome: 'RETURNED' });
    return 'handled';
  }
}
