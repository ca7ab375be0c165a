import { Column, Entity, PrimaryColumn } from 'typeorm';
import { amount } from '../../common/amount-column.ts';
import type { RefundReason, SagaStatus, StepName, StepStatus } from '../domain/refund-saga.ts';

@Entity('refunds')
export class RefundRow {
  @PrimaryColumn({ name: 'refund_no', type: 'varchar', length: 64 })
  refundNo!: string;

  @Column({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 128 })
  userId!: string;

  @Column({ name: 'payment_no', type: 'varchar', length: 64 })
  paymentNo!: string;

  @Column({ type: 'varchar', length: 16 })
  reason!: RefundReason;

  @Column({ type: 'varchar', length: 16 })
  status!: SagaStatus;

  @Column({ name: 'refund_minor', type: 'bigint', transformer: amount })
  refundMinor!: number;

  @Column({ name: 'order_total_minor', type: 'bigint', transformer: amount })
  orderTotalMinor!: number;

  @Column({ type: 'varchar', length: 128 })
  currency!: string;

  /** What comes back, as JSON: nobody asks the table after a sku. */
  @Column({ type: 'simple-json' })
  items!: { sku: string; quantity: number }[];

  @Column({ name: 'is_whole', type: 'boolean' })
  isWhole!: boolean;

  @Column({ name: 'requested_at', type: 'datetime', precision: 3 })
  requestedAt!: Date;

  @Column({ name: 'completed_at', type: 'datetime', precision: 3, nullable: true })
  completedAt!: Date | null;
}

@Entity('refund_steps')
export class RefundStepRow {
  @PrimaryColumn({ name: 'refund_no', type: 'varchar', length: 64 })
  refundNo!: string;

  @PrimaryColumn({ type: 'varchar', length: 32 })
  step!: StepName;

  /** Its place in the order of the steps, from 1. */
  @Column({ type: 'tinyint' })
  position!: number;

  @Column({ type: 'varchar', length: 16 })
  status!: StepStatus;

  @Column({ name: 'try_count', type: 'int' })
  tryCount!: number;

  @Column({ type: 'varchar', length: 128 })
  note!: string;

  @Column({ name: 'changed_at', type: 'datetime', precision: 3 })
  changedAt!: Date;
}
