import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RedemptionStatus } from '../domain/redemption.ts';

@Entity('redemptions')
export class RedemptionRow {
  @PrimaryColumn({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @Column({ type: 'char', length: 16, nullable: true })
  code!: string | null;

  @Column({ type: 'varchar', length: 16 })
  status!: RedemptionStatus;

  @Column({ name: 'transaction_key', type: 'varchar', length: 64, nullable: true })
  transactionKey!: string | null;

  @Column({ name: 'is_order_known', type: 'boolean' })
  isOrderKnown!: boolean;

  @Column({ name: 'kept_at', type: 'datetime', precision: 3, nullable: true })
  keptAt!: Date | null;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;
}
