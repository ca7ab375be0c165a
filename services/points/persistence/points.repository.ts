import { Injectable } from '@nestjs/common';
import type { EntityManager, QueryDeepPartialEntity } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import { PointsBalanceRow, PointsMovementRow } from './points.entity.ts';

/** The ledger of points. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class PointsRepository {
  /** Adds a movement and moves the balance with it. False when its cause has had its movement before. */
  async move(manager: EntityManager, movement: Omit<PointsMovementRow, 'id'>): Promise<boolean> {
    const row: QueryDeepPartialEntity<PointsMovementRow> = movement;
    if (!(await insertOnce(insertInto(manager, PointsMovementRow, [row])))) return false;
    const change = movement.kind === 'EARNED' ? movement.points : -movement.points;
    await manager.query(
      `INSERT INTO points_balances (user_id, points) VALUES (?, ?)
         ON DUPLICATE KEY UPDATE points = points + VALUES(points)`,
      [movement.userId, change],
    );
    return true;
  }

  /** The movement by which an order has earned its points, held until the transaction ends. */
  earnedByForUpdate(manager: EntityManager, orderNo: string): Promise<PointsMovementRow | null> {
    return manager.findOne(PointsMovementRow, {
      where: { kind: 'EARNED', reference: orderNo },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /** Oldest first. */
  ofOrder(manager: EntityManager, orderNo: string): Promise<PointsMovementRow[]> {
    return manager.find(PointsMovementRow, { where: { orderNo }, order: { id: 'ASC' } });
  }

  async balanceOf(manager: EntityManager, userId: string): Promise<number> {
    return (await manager.findOneBy(PointsBalanceRow, { userId }))?.points ?? 0;
  }
}
