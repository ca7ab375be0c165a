import { Column, Entity, PrimaryColumn } from 'typeorm';
import { amount } from '../../common/amount-column.ts';
import type { ChargeStatus } from '../domain/charge-status.ts';
import type { Charge, RefundRequest } from '../domain/charge.ts';

@Entity('channel_charges')
export class ChargeRow implements Charge {
  @PrimaryColumn({ name: 'request_no', type: 'varchar', length: 64 })
  requestNo!: string;

  @Column({ name: 'charge_no', type: 'varchar', length: 32 })
  chargeNo!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: ChargeStatus;

  @Column({ name: 'amount_minor', type: 'bigint', transformer: amount })
  amountMinor!: number;

  @Column({ name: 'refunded_minor', type: 'bigint', transformer: amount })
  refundedMinor!: number;

  @Column({ type: 'char', length: 3 })
  currency!: string;

  @Column({ name: 'callback_url', type: 'varchar', length: 512 })
  callbackUrl!: string;

  @Column({ name: 'callback_attempt_count', type: 'int' })
  callbackAttemptCount!: number;

  @Column({ name: 'accepted_at', type: 'datetime', precision: 3 })
  acceptedAt!: Date;

  @Column({ name: 'settled_at', type: 'datetime', precision: 3, nullable: true })
  settledAt!: Date | null;

  @Column({ name: 'due_at', type: 'datetime', precision: 3, nullable: true })
  dueAt!: Date | null;
}

@Entity('channel_refunds')
export class RefundRow implements RefundRequest {
  @PrimaryColumn({ name: 'refund_no', type: 'varchar', length: 64 })
  refundNo!: string;

  @Column({ name: 'request_no', type: 'varchar', length: 64 })
  requestNo!: string;

  @Column({ name: 'amount_minor', type: 'bigint', transformer: amount })
  amountMinor!: number;

  @Column({ type: 'char', length: 3 })
  currency!: string;

  @Column({ name: 'refunded_at', type: 'datetime', precision: 3 })
  refundedAt!: Date;
}
