import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ShipmentStatus } from '../domain/shipment-status.ts';

@Entity('shipments')
export class ShipmentRow {
  @PrimaryColumn({ name: 'shipment_no', type: 'varchar', length: 64 })
  shipmentNo!: string;

  /** Unique: one parcel for an order. */
  @Column({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: ShipmentStatus;

  @Column({ name: 'tracking_no', type: 'varchar', length: 64, nullable: true })
  trackingNo!: string | null;

  @Column({ name: 'requested_at', type: 'datetime', precision: 3 })
  requestedAt!: Date;

  @Column({ name: 'shipped_at', type: 'datetime', precision: 3, nullable: true })
  shippedAt!: Date | null;
}

@Entity('shipment_items')
export class ShipmentItemRow {
  @PrimaryColumn({ name: 'shipment_no', type: 'varchar', length: 64 })
  shipmentNo!: string;

  @PrimaryColumn({ type: 'varchar', length: 64 })
  sku!: string;

  @Column({ type: 'int' })
  quantity!: number;

  @Column({ name: 'cancelled_quantity', type: 'int' })
  cancelledQuantity!: number;
}

/** `CANCELLED`: the goods never left. `AWAITED`: they are to come back. `RECEIVED`: they have. */
export type ReturnStatus = 'CANCELLED' | 'AWAITED' | 'RECEIVED';

/** What a refund did to a parcel. */
@Entity('goods_returns')
export class GoodsReturnRow {
  @PrimaryColumn({ name: 'refund_no', type: 'varchar', length: 64 })
  refundNo!: string;

  @Column({ name: 'shipment_no', type: 'varchar', length: 64 })
  shipmentNo!: string;

  @Column({ name: 'order_no', type: 'varchar', length: 64 })
  orderNo!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: ReturnStatus;

  /** What comes back, or never left, as JSON: nobody asks the table after a sku. */
  @Column({ type: 'simple-json' })
  items!: { sku: string; quantity: number }[];

  @Column({ name: 'requested_at', type: 'datetime', precision: 3 })
  requestedAt!: Date;

  @Column({ name: 'settled_at', type: 'datetime', precision: 3, nullable: true })
  settledAt!: Date | null;
}
