import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RedPacketStatus } from '../domain/red-packet.ts';
import { amount } from '../../common/amount-column.ts';

@Entity('red_packets')
export class RedPacketRow {
  @PrimaryColumn({ name: 'packet_no', type: 'varchar', length: 64 })
  packetNo!: string;

  /** Unique: one red packet for an order. */
  @Column({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 128 })
  userId!: string;

  @Column({ name: 'amount_minor', type: 'bigint', transformer: amount })
  amountMinor!: number;

  @Column({ type: 'varchar', length: 128 })
  currency!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: RedPacketStatus;

  @Column({ name: 'issued_at', type: 'datetime', precision: 3 })
  issuedAt!: Date;

  @Column({ name: 'recalled_at', type: 'datetime', precision: 3, nullable: true })
  recalledAt!: Date | null;
}
