import { Injectable } from '@nestjs/common';
import type { EntityManager, FindOptionsWhere } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { Coupon } from '../domain/coupon.ts';
import { CouponRow } from './coupon.entity.ts';

/** Coupons as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class CouponRepository {
  /** False when the order has its coupon, which the transaction sees from then on. */
  insert(manager: EntityManager, coupon: Coupon): Promise<boolean> {
    return insertOnce(insertInto(manager, CouponRow, [coupon]));
  }

  /** Errors: ER_DUP_ENTRY when one of the orders has its coupon. */
  insertAll(manager: EntityManager, coupons: readonly Coupon[]): Promise<void> {
    return insertInto(manager, CouponRow, coupons);
  }

  async find(manager: EntityManager, where: { code: string }): Promise<Coupon | undefined> {
    return (await manager.findOneBy(CouponRow, where)) ?? undefined;
  }

  /** Those that an order has earned: none or one. */
  earnedBy(manager: EntityManager, orderNo: string): Promise<Coupon[]> {
    return manager.findBy(CouponRow, { orderNo });
  }

  /**
   * By its code, or by the order that has earned it. Holds the row until the transaction ends, so that of two orders at once
   * that want the coupon the second sees the first.
   */
  async findForUpdate(
    manager: EntityManager,
    where: FindOptionsWhere<CouponRow> & ({ code: string } | { orderNo: string }),
  ): Promise<Coupon | undefined> {
    const row = await manager.findOne(CouponRow, { where, lock: { mode: 'pessimistic_write' } });
    return row ?? undefined;
  }

  /** Writes what can change of a coupon. */
  async update(
    manager: EntityManager,
    { code, status, redeemedByOrderNo, recallAskedAt }: Coupon,
  ): Promise<void> {
    await manager.update(CouponRow, { code }, { status, redeemedByOrderNo, recallAskedAt });
  }
}
