import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { Redemption } from '../domain/redemption.ts';
import { RedemptionRow } from './redemption.entity.ts';

export interface NewRedemption {
  orderNo: string;
  code: string;
  transactionKey: string;
}

/**
 * Redemptions as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. One that
 * wants a redemption and its coupon takes the redemption first.
 */
@Injectable()
export class RedemptionRepository {
  /** False when the order has one, which the transaction sees from then on. */
  insert(
    manager: EntityManager,
    { orderNo, code, transactionKey }: NewRedemption,
    at: Date,
  ): Promise<boolean> {
    const row: RedemptionRow = {
      orderNo,
      code,
      status: 'HELD',
      transactionKey,
      isOrderKnown: false,
      keptAt: null,
      createdAt: at,
      updatedAt: at,
    };
    return insertOnce(insertInto(manager, RedemptionRow, [row]));
  }

  /** Which of these orders have one. */
  async known(manager: EntityManager, orderNos: readonly string[]): Promise<ReadonlySet<string>> {
    const rows: { orderNo: string }[] = await manager.query(
      'SELECT order_no AS orderNo FROM redemptions WHERE order_no IN (?)',
      [orderNos],
    );
    return new Set(rows.map(({ orderNo }) => orderNo));
  }

  async find(manager: EntityManager, orderNo: string): Promise<Redemption | undefined> {
    return (await manager.findOneBy(RedemptionRow, { orderNo })) ?? undefined;
  }

  /** Holds the row until the transaction ends, so that of two moves at once the second sees the first. */
  async findForUpdate(manager: EntityManager, orderNo: string): Promise<Redemption | undefined> {
    const row = await manager.findOne(RedemptionRow, {
      where: { orderNo },
      lock: { mode: 'pessimistic_write' },
    });
    return row ?? undefined;
  }

  /**
   * As `findForUpdate`; where there is no redemption a RELEASED one is put, and one that comes later is refused. Both in one
   * statement: an insert that meets a redemption just being made waits for it.
   */
  async findForUpdateOrBury(
    manager: EntityManager,
    orderNo: string,
    at: Date,
  ): Promise<Redemption> {
    const rows: (Omit<Redemption, 'orderNo' | 'isOrderKnown'> & { isOrderKnown: number })[] =
      await manager.query(
        `INSERT INTO redemptions (order_no, status, is_order_known, created_at, updated_at)
           VALUES (?, 'RELEASED', FALSE, ?, ?)
           ON DUPLICATE KEY UPDATE order_no = VALUES(order_no)
           RETURNING code, status, transaction_key AS transactionKey, is_order_known AS isOrderKnown, kept_at AS keptAt`,
        [orderNo, at, at],
      );
    const { isOrderKnown, ...facts } = rows[0]!;
    return { orderNo, ...facts, isOrderKnown: isOrderKnown === 1 };
  }

  async update(
    manager: EntityManager,
    orderNo: string,
    change: Partial<Pick<Redemption, 'status' | 'isOrderKnown' | 'keptAt'>>,
    at: Date,
  ): Promise<void> {
    await manager.update(RedemptionRow, { orderNo }, { ...change, updatedAt: at });
  }

  /** Notes that the order was placed. False when that was known, or nothing is redeemed for it. */
  async noteOrder(manager: EntityManager, orderNo: string, at: Date): Promise<boolean> {
    const { affectedRows } = await manager.query<{ affectedRows: number }>(
      `UPDATE redemptions SET is_order_known = TRUE, updated_at = ?
         WHERE order_no = ? AND NOT is_order_known AND status <> 'RELEASED'`,
      [at, orderNo],
    );
    return affectedRows > 0;
  }
}
