import { Injectable } from '@nestjs/common';
import type { EntityManager, QueryDeepPartialEntity } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import { PointsBalanceRow, PointsMovementRow } from './points.entity.ts';

export type NewMovement = Omit<PointsMovementRow, 'id'>;

/** The ledger of points. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class PointsRepository {
  /** Adds a movement and moves the balance with it. False when its cause has had its movement before. */
  async move(manager: EntityManager, movement: NewMovement): Promise<boolean> {
    const row: QueryDeepPartialEntity<PointsMovementRow> = movement;
    if (!(await insertOnce(insertInto(manager, PointsMovementRow, [row])))) return false;
    await manager.query(
      `INSERT INTO points_balances (user_id, points) VALUES (?, ?)
         ON DUPLICATE KEY UPDATE points = points + VALUES(points)`,
      [movement.userId, changeOf(movement)],
    );
    return true;
  }

  /** Adds movements and moves the balances with them. Errors: ER_DUP_ENTRY when a cause has had its movement before. */
  async moveAll(manager: EntityManager, movements: readonly NewMovement[]): Promise<void> {
    const rows: QueryDeepPartialEntity<PointsMovementRow>[] = [...movements];
    await insertInto(manager, PointsMovementRow, rows);
    const changes = new Map<string, number>();
    for (const movement of movements) {
      const before = changes.get(movement.userId) ?? 0;
      changes.set(movement.userId, before + changeOf(movement));
    }
    // In one order, whoever moves them: two that move the same balances cannot wait for each other then.
    const balances = [...changes].toSorted(([a], [b]) => (a < b ? -1 : 1));
    await manager.query(
      `INSERT INTO points_balances (user_id, points) VALUES ?
         ON DUPLICATE KEY UPDATE points = points + VALUES(points)`,
      [balances],
    );
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

function changeOf({ kind, points }: NewMovement): number {
  return kind === 'EARNED' ? points : -points;
}
