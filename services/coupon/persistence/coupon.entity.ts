import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../common/money.ts';

@Entity('coupons')
export class CouponRow {
  @PrimaryColumn({ type: 'char', length: 16 })
  code!: string;

  /** Unique: one coupon for an order, whatever the messages do. */
  @Column({ name: 'order_no', type: 'varchar', length: 128 })
  orderNo!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 128 })
  userId!: string;

  @Column({
    name: 'amount_minor',
    type: 'bigint',
    transformer: {
      to: (amount: number): number => amount,
      from: (text: string): number => minorUnits(Number(text)),
    },
  })
  amountMinor!: number;

  @Column({ type: 'varchar', length: 128 })
  currency!: string;

  @Column({ name: 'issued_at', type: 'datetime', precision: 3 })
  issuedAt!: Date;

  @Column({ name: 'expires_at', type: 'datetime', precision: 3 })
  expiresAt!: Date;
}
