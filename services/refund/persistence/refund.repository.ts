import { Injectable } from '@nestjs/common';
import { In, type EntityManager, type FindOptionsWhere } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { Saga } from '../domain/refund-saga.ts';
import type { Refund } from '../domain/refund.ts';
import { RefundRow, RefundStepRow } from './refund.entity.ts';

/** Refunds as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class RefundRepository {
  /** False when the refund is there already. */
  async insert(manager: EntityManager, refund: Refund): Promise<boolean> {
    const { steps, items, completedAt, ...facts } = refund;
    const row = { ...facts, items: [...items], completedAt: completedAt ?? null };
    if (!(await insertOnce(insertInto(manager, RefundRow, [row])))) return false;
    await insertInto(manager, RefundStepRow, stepRows(refund.refundNo, steps, refund.requestedAt));
    return true;
  }

  /** Holds the refund's row until the transaction ends, so that of two results at once the second sees the first. */
  async findForUpdate(manager: EntityManager, refundNo: string): Promise<Refund | undefined> {
    const row = await manager.findOne(RefundRow, {
      where: { refundNo },
      lock: { mode: 'pessimistic_write' },
    });
    const [refund] = await withSteps(manager, row === null ? [] : [row]);
    return refund;
  }

  /** Oldest first, at most `limit`. */
  async list(
    manager: EntityManager,
    where: FindOptionsWhere<RefundRow>,
    limit: number,
  ): Promise<Refund[]> {
    const rows = await manager.find(RefundRow, {
      where,
      order: { requestedAt: 'ASC', refundNo: 'ASC' },
      take: limit,
    });
    return withSteps(manager, rows);
  }

  /** Writes how far it has come. */
  async update(
    manager: EntityManager,
    before: Refund,
    after: Saga,
    changedAt: Date,
  ): Promise<void> {
    const { refundNo, status } = after;
    const isCompleted = status === 'COMPLETED';
    await manager.update(
      RefundRow,
      { refundNo },
      { status, ...(isCompleted ? { completedAt: changedAt } : {}) },
    );
    const changed = after.steps.filter((step, index) => step !== before.steps[index]);
    for (const { name: step, status: stepStatus, tryCount, note } of changed) {
      const change = { status: stepStatus, tryCount, note, changedAt };
      await manager.update(RefundStepRow, { refundNo, step }, change);
    }
  }
}

function stepRows(refundNo: string, steps: Saga['steps'], changedAt: Date): RefundStepRow[] {
  return steps.map(({ name: step, ...state }, index) => ({
    refundNo,
    step,
    position: index + 1,
    ...state,
    changedAt,
  }));
}

async function withSteps(manager: EntityManager, rows: readonly RefundRow[]): Promise<Refund[]> {
  if (rows.length === 0) return [];
  const steps = await manager.find(RefundStepRow, {
    where: { refundNo: In(rows.map(({ refundNo }) => refundNo)) },
    order: { position: 'ASC' },
  });
  return rows.map(({ completedAt, ...facts }) => ({
    ...facts,
    ...(completedAt === null ? {} : { completedAt }),
    steps: steps
      .filter(({ refundNo }) => refundNo === facts.refundNo)
      .map(({ step: name, status, tryCount, note }) => ({ name, status, tryCount, note })),
  }));
}
