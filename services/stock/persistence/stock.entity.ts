import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ReservationStatus } from '../domain/reservation.ts';
import type { MovementKind } from '../domain/stock-movement.ts';

/** BIGINT arrives as text. */
const count = {
  to: (value: number): number => value,
  from: (text: string): number => Number(text),
};

@Entity('stock_movements')
export class StockMovementRow {
  @PrimaryColumn({ type: 'bigint', generated: 'increment' })
  id!: string;

  @Column({ type: 'varchar', length: 32 })
  sku!: string;

  @Column({ type: 'varchar', length: 16 })
  kind!: MovementKind;

  @Column({ type: 'bigint', transformer: count })
  quantity!: number;

  /** An order number, a refund number, or that of a delivery. */
  @Column({ type: 'varchar', length: 64 })
  reference!: string;

  @Column({ name: 'occurred_at', type: 'datetime', precision: 3 })
  occurredAt!: Date;
}

@Entity('stock_levels')
export class StockLevelRow {
  @PrimaryColumn({ type: 'varchar', length: 32 })
  sku!: string;

  @Column({ type: 'bigint', transformer: count })
  available!: number;

  @Column({ type: 'bigint', transformer: count })
  reserved!: number;

  @Column({ type: 'bigint', transformer: count })
  sold!: number;
}

@Entity('reservations')
export class ReservationRow {
  @PrimaryColumn({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: ReservationStatus;

  @Column({ name: 'transaction_key', type: 'varchar', length: 64, nullable: true })
  transactionKey!: string | null;

  @Column({ name: 'is_order_known', type: 'boolean' })
  isOrderKnown!: boolean;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;
}

@Entity('reservation_items')
export class ReservationItemRow {
  @PrimaryColumn({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @PrimaryColumn({ type: 'varchar', length: 32 })
  sku!: string;

  @Column({ type: 'int' })
  quantity!: number;
}

/** A refund that has put goods back; its movements carry its number. */
@Entity('restocks')
export class RestockRow {
  @PrimaryColumn({ name: 'refund_no', type: 'varchar', length: 64 })
  refundNo!: string;

  @Column({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @Column({ name: 'restocked_at', type: 'datetime', precision: 3 })
  restockedAt!: Date;
}
