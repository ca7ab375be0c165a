import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../../common/errors.ts';
import type { Coupon } from '../domain/coupon.ts';
import { CouponRepository } from '../persistence/coupon.repository.ts';

@Injectable()
export class FindCoupons {
  constructor(
    private readonly dataSource: DataSource,
    private readonly coupons: CouponRepository,
  ) {}

  earnedBy(orderNo: string): Promise<Coupon[]> {
    return this.coupons.earnedBy(this.dataSource.manager, orderNo);
  }

  /** Errors: COUPON.NOT_FOUND. */
  async byCode(code: string): Promise<Coupon> {
    // What cannot be a code never reaches a statement: the column is ASCII.
    const coupon = /^[A-Z0-9]{16}$/.test(code)
      ? await this.coupons.find(this.dataSource.manager, { code })
      : undefined;
    if (coupon !== undefined) return coupon;
    throw couponNotFound(code);
  }
}

export function couponNotFound(code: string): DomainError {
  return new DomainError(
    'COUPON.NOT_FOUND',
    'not_found',
    `there is no coupon ${code.slice(0, 64)}`,
  );
}
