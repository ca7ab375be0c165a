import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../../common/errors.ts';
import { Log } from '../../common/log.ts';
import type { FlashSale } from '../domain/flash-sale.ts';
import { SaleMemory } from '../gate/sale-memory.ts';
import { FlashSaleRepository } from '../persistence/flash-sale.repository.ts';
import { SaleState } from '../redis/sale-state.ts';
import { SaleAnnouncements } from './sale-announcements.ts';

/** Ends a sale before its time. Closed again, it stays closed. Errors: SALE.NOT_FOUND. */
@Injectable()
export class CloseFlashSale {
  constructor(
    private readonly dataSource: DataSource,
    private readonly sales: FlashSaleRepository,
    private readonly state: SaleState,
    private readonly memory: SaleMemory,
    private readonly announcements: SaleAnnouncements,
    private readonly log: Log,
  ) {}

  async execute(saleId: string): Promise<FlashSale> {
    const { manager } = this.dataSource;
    const sale = await this.sales.find(manager, saleId);
    if (sale === undefined) throw noSuchSale(saleId);
    await this.sales.close(manager, saleId);
    try {
      await this.state.close(saleId);
    } catch (error) {
      // The gates hear of it from the ledger within a second, and Redis when the sale is built anew.
      this.log.warn('redis was not told that a sale is closed', { saleId, error });
    }
    sale.state = 'CLOSED';
    this.memory.add(sale);
    await this.announcements.tellOf(saleId);
    return sale;
  }
}

export function noSuchSale(saleId: string): DomainError {
  return new DomainError('SALE.NOT_FOUND', 'not_found', `there is no sale ${saleId.slice(0, 40)}`);
}
