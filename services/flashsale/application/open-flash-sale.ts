import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { newDocumentNo } from '../../common/document-number.ts';
import { Log } from '../../common/log.ts';
import { openSale, type FlashSale, type FlashSaleTerms } from '../domain/flash-sale.ts';
import { SaleMemory } from '../gate/sale-memory.ts';
import { FlashSaleRepository } from '../persistence/flash-sale.repository.ts';
import { SaleRebuild } from '../redis/sale-rebuild.ts';
import { SaleAnnouncements } from './sale-announcements.ts';
import { SaleStock } from './sale-stock.ts';

/**
 * Opens a sale: a row of the ledger, and from it the sale's state in Redis.
 *
 * Crash: a sale that is in the ledger and not in Redis is not ready; the keeper makes it so. The turn to build it is taken before
 *        the row is there: had the keeper built it meanwhile and customers come, what is built here would wipe them out.
 * Errors: REQUEST.INVALID naming the terms; SALE.TOO_LITTLE_STOCK, STOCK.UNAVAILABLE.
 */
@Injectable()
export class OpenFlashSale {
  constructor(
    private readonly dataSource: DataSource,
    private readonly sales: FlashSaleRepository,
    private readonly rebuild: SaleRebuild,
    private readonly stock: SaleStock,
    private readonly memory: SaleMemory,
    private readonly announcements: SaleAnnouncements,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  async execute(terms: FlashSaleTerms): Promise<FlashSale> {
    const now = this.clock.now();
    const sale = openSale(newDocumentNo(now), terms, now);
    await this.stock.assertAvailable(sale);
    const token = randomUUID();
    const hasBegun = await this.#inRedis(
      sale,
      async () => (await this.rebuild.begin(sale.saleId, token)) === 'BEGUN',
    );
    await this.sales.insert(this.dataSource.manager, sale);
    if (hasBegun) await this.#inRedis(sale, () => this.rebuild.finish(sale, token));
    this.memory.add(sale);
    await this.announcements.tellOf(sale.saleId);
    return sale;
  }

  /** Undefined when Redis is away: the keeper does it later. */
  async #inRedis<T>(sale: FlashSale, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.log.warn('a sale is not ready yet', { saleId: sale.saleId, error });
      return undefined;
    }
  }
}
