import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CouponStatus } from '../domain/coupon-status.ts';
import { amount } from '../../common/amount-column.ts';

@Entity('coupons')
export class CouponRow {
  @PrimaryColumn({ type: 'char', length: 16 })
  code!: string;

  /** Unique: one coupon for an order, whatever the messages do. */
  @Column({ name: 'order_no', type: 'varchar', length: 128 })
  orderNo!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 128 })
  userId!: string;

  @Column({ name: 'amount_minor', type: 'bigint', transformer: amount })
  amountMinor!: number;

  @Column({ type: 'varchar', length: 128 })
  currency!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: CouponStatus;

  /** Unique: an order uses one coupon. That one order uses it is what a column can hold. */
  @Column({ name: 'redeemed_by_order_no', type: 'varchar', length: 64, nullable: true })
  redeemedByOrderNo!: string | null;

  @Column({ name: 'recall_asked_at', type: 'datetime', precision: 3, nullable: true })
  recallAskedAt!: Date | null;

  @Column({ name: 'issued_at', type: 'datetime', precision: 3 })
  issuedAt!: Date;

  @Column({ name: 'expires_at', type: 'datetime', precision: 3 })
  expiresAt!: Date;
}
