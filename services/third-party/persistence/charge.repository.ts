import { Injectable } from '@nestjs/common';
import { IsNull, Not, type EntityManager } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { Charge, RefundRequest } from '../domain/charge.ts';
import { ChargeRow, RefundRow } from './channel.entity.ts';

/** Charges as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class ChargeRepository {
  /** False when the number is taken: by then whoever took it has committed. */
  insert(manager: EntityManager, charge: Charge): Promise<boolean> {
    return insertOnce(insertInto(manager, ChargeRow, [charge]));
  }

  find(manager: EntityManager, requestNo: string): Promise<Charge | null> {
    return manager.findOneBy(ChargeRow, { requestNo });
  }

  /** Holds the charge's row until the transaction ends, so that of two moves at once the second sees the first. */
  findForUpdate(manager: EntityManager, requestNo: string): Promise<Charge | null> {
    return manager.findOne(ChargeRow, {
      where: { requestNo },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /** What the channel still has to settle or to tell of. */
  findUnfinished(manager: EntityManager): Promise<Charge[]> {
    return manager.find(ChargeRow, { where: { dueAt: Not(IsNull()) }, order: { dueAt: 'ASC' } });
  }

  async updateStatus(manager: EntityManager, charge: Charge): Promise<void> {
    const { requestNo, status, settledAt, dueAt } = charge;
    await manager.update(ChargeRow, { requestNo }, { status, settledAt, dueAt });
  }

  /** Leaves the other columns alone: a refund may come while a callback is on its way. */
  async updateCallback(manager: EntityManager, charge: Charge): Promise<void> {
    const { requestNo, callbackAttemptCount, dueAt } = charge;
    await manager.update(ChargeRow, { requestNo }, { callbackAttemptCount, dueAt });
  }

  async updateRefunded(manager: EntityManager, charge: Charge): Promise<void> {
    const { requestNo, refundedMinor } = charge;
    await manager.update(ChargeRow, { requestNo }, { refundedMinor });
  }

  /** False when the number is taken. */
  insertRefund(manager: EntityManager, refund: RefundRequest, refundedAt: Date): Promise<boolean> {
    return insertOnce(insertInto(manager, RefundRow, [{ ...refund, refundedAt }]));
  }

  findRefund(manager: EntityManager, refundNo: string): Promise<RefundRequest> {
    return manager.findOneByOrFail(RefundRow, { refundNo });
  }
}
