import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { couponStatuses } from '../domain/coupon-status.ts';
import type { Coupon } from '../domain/coupon.ts';
import { textMessage } from '../../common/field-messages.ts';

/** Longer than the numbers that are given now: coupons are older than those. */
export class OrderQueryDto {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  @Matches(/^[\x21-\x7e]{1,128}$/, {
    message: textMessage('an order number: 1 to 128 visible ASCII characters'),
  })
  orderNo!: string;
}

export class CouponView {
  @ApiProperty()
  code!: string;

  @ApiProperty({ description: 'The order that has earned it' })
  orderNo!: string;

  @ApiProperty()
  userId!: string;

  @ApiProperty({ description: 'In minor units (cents)' })
  amountMinor!: number;

  @ApiProperty({ example: 'EUR' })
  currency!: string;

  @ApiProperty({ enum: couponStatuses })
  status!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The order that uses it, while it is REDEEMED',
  })
  redeemedByOrderNo!: string | null;

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
  const { recallAskedAt: _recallAskedAt, issuedAt, expiresAt, ...facts } = coupon;
  return { ...facts, issuedAt: issuedAt.toISOString(), expiresAt: expiresAt.toISOString() };
}
