import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Shipment, ShipmentStatus } from '../domain/shipment.ts';

@Entity('carrier_shipments')
export class ShipmentRow implements Shipment {
  @PrimaryColumn({ name: 'request_no', type: 'varchar', length: 64 })
  requestNo!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: ShipmentStatus;

  @Column({ name: 'tracking_no', type: 'varchar', length: 32, nullable: true })
  trackingNo!: string | null;

  @Column({ name: 'order_no', type: 'varchar', length: 64, nullable: true })
  orderNo!: string | null;

  @Column({ type: 'text' })
  items!: string;

  @Column({ name: 'accepted_at', type: 'datetime', precision: 3 })
  acceptedAt!: Date;
}
