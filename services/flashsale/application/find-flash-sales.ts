import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Log } from '../../common/log.ts';
import type { FlashSaleRow } from '../persistence/flash-sale.entity.ts';
import { FlashSaleRepository } from '../persistence/flash-sale.repository.ts';
import { SaleState } from '../redis/sale-state.ts';
import { noSuchSale } from './close-flash-sale.ts';

/** A list that nobody reads to its end. */
const MAX_LISTED_COUNT = 100;

@Injectable()
export class FindFlashSales {
  constructor(
    private readonly dataSource: DataSource,
    private readonly sales: FlashSaleRepository,
    private readonly state: SaleState,
    private readonly log: Log,
  ) {}

  newest(): Promise<FlashSaleRow[]> {
    return this.sales.all(this.dataSource.manager, MAX_LISTED_COUNT);
  }

  /** Errors: SALE.NOT_FOUND. */
  async of(saleId: string): Promise<{ sale: FlashSaleRow; remaining: number | undefined }> {
    const sale = await this.sales.find(this.dataSource.manager, saleId);
    if (sale === undefined) throw noSuchSale(saleId);
    return { sale, remaining: await this.#remainingOf(saleId) };
  }

  /** Undefined when Redis cannot say. */
  async #remainingOf(saleId: string): Promise<number | undefined> {
    try {
      return Math.max(0, (await this.state.read(saleId)).remaining);
    } catch (error) {
      this.log.debug('redis does not say what is left of a sale', { saleId, error });
      return undefined;
    }
  }
}
