import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import type { Coupon } from '../domain/coupon.ts';

export class CouponQueryDto {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  @Matches(/^[\x21-\x7e]{1,128}$/, { message: 'must be an order number' })
  orderNo!: string;
}

export class CouponView {
  @ApiProperty()
  code!: string;

  @ApiProperty()
  orderNo!: string;

  @ApiProperty()
  userId!: string;

  @ApiProperty({ description: 'In minor units (cents)' })
  amountMinor!: number;

  @ApiProperty({ example: 'EUR' })
  currency!: string;

  @ApiProperty({ format: 'date-time' })
  issuedAt!: string;

  @ApiProperty({ format: 'date-time' })
  expiresAt!: string;
}

export class CouponListView {
  @ApiProperty({ type: [CouponView] })
  items!: CouponView[];
}

export function viewOf(coupon: Coupon): CouponView {
  return {
    ...coupon,
    issuedAt: coupon.issuedAt.toISOString(),
    expiresAt: coupon.expiresAt.toISOString(),
  };
}
