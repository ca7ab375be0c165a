import { Column, Entity, PrimaryColumn } from 'typeorm';
import { amount } from '../../common/amount-column.ts';
import type { RefundStatus } from '../domain/payment-refund.ts';
import type { PaymentStatus } from '../domain/payment-status.ts';

/** The table has a further column, `live_order_no`, which the database fills in and holds unique. */
@Entity('payments')
export class PaymentRow {
  @PrimaryColumn({ name: 'payment_no', type: 'varchar', length: 32 })
  paymentNo!: string;

  @Column({ name: 'order_no', type: 'varchar', length: 32 })
  orderNo!: string;

  @Column({ name: 'amount_minor', type: 'bigint', transformer: amount })
  amountMinor!: number;

  @Column({ type: 'char', length: 3 })
  currency!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: PaymentStatus;

  @Column({ name: 'charge_no', type: 'varchar', length: 64, nullable: true })
  chargeNo!: string | null;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Column({ name: 'settled_at', type: 'datetime', precision: 3, nullable: true })
  settledAt!: Date | null;

  @Column({ type: 'varchar', length: 255, nullable: true })
  failure!: string | null;
}

/** A callback that was taken: its nonce is used up. */
@Entity('channel_callbacks')
export class ChannelCallbackRow {
  @PrimaryColumn({ type: 'varchar', length: 64 })
  nonce!: string;

  @Column({ name: 'payment_no', type: 'varchar', length: 32 })
  paymentNo!: string;

  @Column({ type: 'varchar', length: 16 })
  outcome!: 'SUCCEEDED' | 'FAILED';

  /** False: the payment had ended before, and the same way. */
  @Column({ name: 'has_settled', type: 'boolean' })
  hasSettled!: boolean;

  @Column({ name: 'received_at', type: 'datetime', precision: 3 })
  receivedAt!: Date;
}

@Entity('payment_refunds')
export class PaymentRefundRow {
  @PrimaryColumn({ name: 'refund_no', type: 'varchar', length: 64 })
  refundNo!: string;

  @Column({ name: 'payment_no', type: 'varchar', length: 32 })
  paymentNo!: string;

  @Column({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @Column({ name: 'amount_minor', type: 'bigint', transformer: amount })
  amountMinor!: number;

  @Column({ type: 'varchar', length: 16 })
  status!: RefundStatus;

  @Column({ name: 'is_refused', type: 'boolean' })
  isRefused!: boolean;

  @Column({ name: 'attempt_count', type: 'int' })
  attemptCount!: number;

  @Column({ name: 'last_error', type: 'varchar', length: 255, nullable: true })
  lastError!: string | null;

  @Column({ name: 'event_id', type: 'varchar', length: 128 })
  eventId!: string;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;
}
