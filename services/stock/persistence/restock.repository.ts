import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { RestockedItem } from '../domain/restock.ts';
import { RestockRow, StockMovementRow } from './stock.entity.ts';

/** What has come back of orders. Those of one order are read and written under the lock of its reservation. */
@Injectable()
export class RestockRepository {
  /** False when the refund has put goods back before, for whatever order. */
  insert(manager: EntityManager, restock: RestockRow): Promise<boolean> {
    return insertOnce(insertInto(manager, RestockRow, [restock]));
  }

  /** All that has come back of an order, refund by refund. */
  ofOrder(manager: EntityManager, orderNo: string): Promise<RestockedItem[]> {
    return manager
      .createQueryBuilder()
      .select('movement.reference', 'refundNo')
      .addSelect('movement.sku', 'sku')
      .addSelect('CAST(movement.quantity AS DOUBLE)', 'quantity')
      .from(RestockRow, 'restock')
      .innerJoin(
        StockMovementRow,
        'movement',
        `movement.reference = restock.refundNo AND movement.kind = 'RESTOCKED'`,
      )
      .where('restock.orderNo = :orderNo', { orderNo })
      .getRawMany();
  }
}
