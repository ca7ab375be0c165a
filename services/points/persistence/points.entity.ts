import { Column, Entity, PrimaryColumn } from 'typeorm';
import { amount } from '../../common/amount-column.ts';

export type MovementKind = 'EARNED' | 'DEDUCTED';

/** What happened to a user's points. Rows are added and never changed; the balance is their sum. */
@Entity('points_movements')
export class PointsMovementRow {
  @PrimaryColumn({ type: 'bigint', generated: 'increment' })
  id!: string;

  @Column({ type: 'varchar', length: 16 })
  kind!: MovementKind;

  /** What it is about: the order that earned them, the refund that took them back. Unique among its kind. */
  @Column({ type: 'varchar', length: 64 })
  reference!: string;

  @Column({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 128 })
  userId!: string;

  @Column({ type: 'bigint', transformer: amount })
  points!: number;

  /** The money behind it: what was paid, or what goes back. */
  @Column({ name: 'amount_minor', type: 'bigint', transformer: amount })
  amountMinor!: number;

  @Column({ name: 'occurred_at', type: 'datetime', precision: 3 })
  occurredAt!: Date;
}

@Entity('points_balances')
export class PointsBalanceRow {
  @PrimaryColumn({ name: 'user_id', type: 'varchar', length: 128 })
  userId!: string;

  @Column({ type: 'bigint', transformer: amount })
  points!: number;
}
