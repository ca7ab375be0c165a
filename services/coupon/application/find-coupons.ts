import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Coupon } from '../domain/coupon.ts';
import { CouponRow } from '../persistence/coupon.entity.ts';

@Injectable()
export class FindCoupons {
  constructor(private readonly dataSource: DataSource) {}

  execute(orderNo: string): Promise<Coupon[]> {
    return this.dataSource.manager.findBy(CouponRow, { orderNo });
  }
}
