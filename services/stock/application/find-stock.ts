import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../../common/errors.ts';
import { StockLevelRow } from '../persistence/stock.entity.ts';

@Injectable()
export class FindStock {
  constructor(private readonly dataSource: DataSource) {}

  all(): Promise<StockLevelRow[]> {
    return this.dataSource.manager.find(StockLevelRow, { order: { sku: 'ASC' } });
  }

  /** Errors: STOCK.NOT_FOUND. */
  async of(sku: string): Promise<StockLevelRow> {
    // What cannot be a sku never reaches a statement: the column is ASCII.
    const level = /^[\x21-\x7e]{1,32}$/.test(sku)
      ? await this.dataSource.manager.findOneBy(StockLevelRow, { sku })
      : null;
    if (level !== null) return level;
    throw new DomainError('STOCK.NOT_FOUND', 'not_found', `there is no sku ${sku.slice(0, 64)}`);
  }
}
