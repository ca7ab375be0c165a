import { Column, Entity, PrimaryColumn } from 'typeorm';
import { amount } from '../../common/amount-column.ts';
import type { FlashSaleState } from '../domain/flash-sale.ts';
import type { TicketOutcomeStatus } from '../domain/ticket.ts';

@Entity('flash_sales')
export class FlashSaleRow {
  @PrimaryColumn({ name: 'id', type: 'char', length: 21 })
  saleId!: string;

  @Column({ type: 'varchar', length: 32 })
  sku!: string;

  @Column({ type: 'bigint', transformer: amount })
  stock!: number;

  @Column({ name: 'per_user_limit', type: 'int' })
  perUserLimit!: number;

  @Column({ name: 'starts_at', type: 'datetime', precision: 3 })
  startsAt!: Date;

  @Column({ name: 'ends_at', type: 'datetime', precision: 3 })
  endsAt!: Date;

  @Column({ type: 'varchar', length: 16 })
  state!: FlashSaleState;

  /** Tickets that hold a piece, as far as the keeper has heard. */
  @Column({ type: 'bigint', transformer: amount })
  taken!: number;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;
}

@Entity('flash_tickets')
export class FlashTicketRow {
  @PrimaryColumn({ name: 'ticket_no', type: 'char', length: 21 })
  ticketNo!: string;

  @Column({ name: 'sale_id', type: 'char', length: 21 })
  saleId!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 64 })
  userId!: string;

  /** TAKEN: its order is not there yet. */
  @Column({ type: 'varchar', length: 16 })
  status!: 'TAKEN' | TicketOutcomeStatus;

  @Column({ type: 'varchar', length: 64, nullable: true })
  code!: string | null;

  @Column({ type: 'varchar', length: 255, nullable: true })
  reason!: string | null;

  @Column({ name: 'admitted_at', type: 'datetime', precision: 3 })
  admittedAt!: Date;

  @Column({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;
}
