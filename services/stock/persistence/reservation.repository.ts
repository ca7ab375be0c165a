import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { Reservation, ReservationStatus, StockItem } from '../domain/reservation.ts';
import { ReservationItemRow, ReservationRow } from './stock.entity.ts';

export interface NewReservation {
  orderNo: string;
  transactionKey: string;
  items: readonly StockItem[];
}

/** Reservations as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class ReservationRepository {
  /** False when the order has one, which the transaction sees from then on. */
  async insert(
    manager: EntityManager,
    { orderNo, transactionKey, items }: NewReservation,
    at: Date,
  ): Promise<boolean> {
    const row = {
      orderNo,
      transactionKey,
      status: 'RESERVED' as const,
      isOrderKnown: false,
      createdAt: at,
      updatedAt: at,
    };
    if (!(await insertOnce(insertInto(manager, ReservationRow, [row])))) return false;
    const itemRows = items.map(({ sku, quantity }) => ({ orderNo, sku, quantity }));
    await insertInto(manager, ReservationItemRow, itemRows);
    return true;
  }

  async find(manager: EntityManager, orderNo: string): Promise<Reservation | undefined> {
    return (await manager.findOneBy(ReservationRow, { orderNo })) ?? undefined;
  }

  /** Holds the row until the transaction ends, so that of two moves at once the second sees the first. */
  async findForUpdate(manager: EntityManager, orderNo: string): Promise<Reservation | undefined> {
    const row = await manager.findOne(ReservationRow, {
      where: { orderNo },
      lock: { mode: 'pessimistic_write' },
    });
    return row ?? undefined;
  }

  /**
   * As `findForUpdate`; where there is no reservation a RELEASED one is put, and one that comes later is refused. Both in one
   * statement: an insert that meets a reservation just being made waits for it.
   */
  async findForUpdateOrBury(
    manager: EntityManager,
    orderNo: string,
    at: Date,
  ): Promise<Reservation> {
    const rows: (Omit<Reservation, 'orderNo' | 'isOrderKnown'> & { isOrderKnown: number })[] =
      await manager.query(
        `INSERT INTO reservations (order_no, status, is_order_known, created_at, updated_at)
           VALUES (?, 'RELEASED', FALSE, ?, ?)
           ON DUPLICATE KEY UPDATE order_no = VALUES(order_no)
           RETURNING status, transaction_key AS transactionKey, is_order_known AS isOrderKnown`,
        [orderNo, at, at],
      );
    const { status, transactionKey, isOrderKnown } = rows[0]!;
    return { orderNo, status, transactionKey, isOrderKnown: isOrderKnown === 1 };
  }

  async itemsOf(manager: EntityManager, orderNo: string): Promise<StockItem[]> {
    const rows = await manager.findBy(ReservationItemRow, { orderNo });
    return rows.map(({ sku, quantity }) => ({ sku, quantity }));
  }

  async update(
    manager: EntityManager,
    orderNo: string,
    change: { status?: ReservationStatus; isOrderKnown?: true },
    at: Date,
  ): Promise<void> {
    await manager.update(ReservationRow, { orderNo }, { ...change, updatedAt: at });
  }

  /** Notes that the order was placed. False when that was known, or nothing is set aside for it. */
  async noteOrder(manager: EntityManager, orderNo: string, at: Date): Promise<boolean> {
    const { affectedRows } = await manager.query<{ affectedRows: number }>(
      `UPDATE reservations SET is_order_known = TRUE, updated_at = ?
         WHERE order_no = ? AND NOT is_order_known AND status <> 'RELEASED'`,
      [at, orderNo],
    );
    return affectedRows > 0;
  }
}
