import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../common/money.ts';
import type { OrderStatus } from '../domain/order-status.ts';

/** BIGINT arrives as text; an amount that a number cannot hold exactly is refused rather than rounded. */
const money = {
  to: (amount: number): number => amount,
  from: (text: string): number => minorUnits(Number(text)),
};

@Entity('orders')
export class OrderRow {
  @PrimaryColumn({ name: 'order_no', type: 'varchar', length: 32 })
  orderNo!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 64 })
  userId!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: OrderStatus;

  @Column({ name: 'total_minor', type: 'bigint', transformer: money })
  totalMinor!: number;

  @Column({ type: 'char', length: 3 })
  currency!: string;

  @Column({ name: 'placed_at', type: 'datetime', precision: 3 })
  placedAt!: Date;

  @Column({ name: 'paid_at', type: 'datetime', precision: 3, nullable: true })
  paidAt!: Date | null;

  @Column({ name: 'closed_at', type: 'datetime', precision: 3, nullable: true })
  closedAt!: Date | null;
}

@Entity('order_items')
export class OrderItemRow {
  @PrimaryColumn({ name: 'order_no', type: 'varchar', length: 32 })
  orderNo!: string;

  @PrimaryColumn({ name: 'line_no', type: 'smallint' })
  lineNo!: number;

  @Column({ type: 'varchar', length: 32 })
  sku!: string;

  @Column({ type: 'int' })
  quantity!: number;

  @Column({ name: 'unit_price_minor', type: 'bigint', transformer: money })
  unitPriceMinor!: number;
}

@Entity('catalogue_items')
export class CatalogueItemRow {
  @PrimaryColumn({ type: 'varchar', length: 32 })
  sku!: string;

  @Column({ type: 'varchar', length: 128 })
  name!: string;

  @Column({ name: 'unit_price_minor', type: 'bigint', transformer: money })
  unitPriceMinor!: number;
}

/** Which order a key stands for. The row commits with the order, so a key never stands for none. */
@Entity('idempotency_keys')
export class IdempotencyKeyRow {
  @PrimaryColumn({ name: 'idempotency_key', type: 'varchar', length: 128 })
  idempotencyKey!: string;

  @Column({ name: 'request_fingerprint', type: 'char', length: 64 })
  requestFingerprint!: string;

  @Column({ name: 'order_no', type: 'varchar', length: 32 })
  orderNo!: string;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;
}
