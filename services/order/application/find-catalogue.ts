import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CatalogueItemRow } from '../persistence/order.entity.ts';

/** What the shop sells. */
@Injectable()
export class FindCatalogue {
  constructor(private readonly dataSource: DataSource) {}

  execute(): Promise<CatalogueItemRow[]> {
    return this.dataSource.manager.find(CatalogueItemRow, { order: { name: 'ASC' } });
  }
}
