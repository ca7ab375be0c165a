import { Column, Entity, PrimaryColumn } from 'typeorm';
import { amount } from '../../common/amount-column.ts';
import type { RefundReason } from '../domain/order-refund.ts';
import type { OrderStatus } from '../domain/order-status.ts';

@Entity('orders')
export class OrderRow {
  @PrimaryColumn({ name: 'order_no', type: 'varchar', length: 32 })
  orderNo!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 64 })
  userId!: string;

  /** Null for an order of no flash sale. */
  @Column({ name: 'sale_id', type: 'varchar', length: 32, nullable: true })
  saleId!: string | null;

  @Column({ type: 'varchar', length: 32 })
  status!: OrderStatus;

  @Column({ name: 'discount_minor', type: 'bigint', transformer: amount })
  discountMinor!: number;

  @Column({ name: 'coupon_code', type: 'varchar', length: 64, nullable: true })
  couponCode!: string | null;

  @Column({ name: 'total_minor', type: 'bigint', transformer: amount })
  totalMinor!: number;

  @Column({ type: 'char', length: 3 })
  currency!: string;

  @Column({ name: 'placed_at', type: 'datetime', precision: 3 })
  placedAt!: Date;

  @Column({ name: 'paid_at', type: 'datetime', precision: 3, nullable: true })
  paidAt!: Date | null;

  @Column({ name: 'payment_no', type: 'varchar', length: 64, nullable: true })
  paymentNo!: string | null;

  @Column({ name: 'closed_at', type: 'datetime', precision: 3, nullable: true })
  closedAt!: Date | null;

  @Column({ name: 'shipped_at', type: 'datetime', precision: 3, nullable: true })
  shippedAt!: Date | null;

  @Column({ name: 'tracking_no', type: 'varchar', length: 64, nullable: true })
  trackingNo!: string | null;
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

  @Column({ name: 'unit_price_minor', type: 'bigint', transformer: amount })
  unitPriceMinor!: number;
}

@Entity('catalogue_items')
export class CatalogueItemRow {
  @PrimaryColumn({ type: 'varchar', length: 32 })
  sku!: string;

  @Column({ type: 'varchar', length: 128 })
  name!: string;

  @Column({ name: 'unit_price_minor', type: 'bigint', transformer: amount })
  unitPriceMinor!: number;
}

@Entity('order_refunds')
export class OrderRefundRow {
  @PrimaryColumn({ name: 'refund_no', type: 'varchar', length: 32 })
  refundNo!: string;

  @Column({ name: 'order_no', type: 'varchar', length: 32 })
  orderNo!: string;

  @Column({ type: 'varchar', length: 16 })
  reason!: RefundReason;

  /** Unique among late payments: each goes back once. */
  @Column({ name: 'payment_no', type: 'varchar', length: 64 })
  paymentNo!: string;

  @Column({ name: 'amount_minor', type: 'bigint', transformer: amount })
  amountMinor!: number;

  @Column({ name: 'is_whole', type: 'boolean' })
  isWhole!: boolean;

  @Column({ name: 'requested_at', type: 'datetime', precision: 3 })
  requestedAt!: Date;

  @Column({ name: 'completed_at', type: 'datetime', precision: 3, nullable: true })
  completedAt!: Date | null;
}

@Entity('order_refund_items')
export class OrderRefundItemRow {
  @PrimaryColumn({ name: 'refund_no', type: 'varchar', length: 32 })
  refundNo!: string;

  @PrimaryColumn({ type: 'varchar', length: 32 })
  sku!: string;

  @Column({ type: 'int' })
  quantity!: number;
}
