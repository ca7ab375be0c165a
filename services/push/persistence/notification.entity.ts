import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { NotificationKind } from '../domain/notification.ts';

@Entity('notifications')
export class NotificationRow {
  /** The event it tells of: the primary key, so that no event is told twice. */
  @PrimaryColumn({ name: 'event_id', type: 'varchar', length: 128 })
  eventId!: string;

  @Column({ name: 'order_no', type: 'varchar', length: 128 })
  orderNo!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 128 })
  userId!: string;

  @Column({ type: 'varchar', length: 32 })
  kind!: NotificationKind;

  @Column({ type: 'varchar', length: 512 })
  text!: string;

  @Column({ name: 'recorded_at', type: 'datetime', precision: 3 })
  recordedAt!: Date;

  /** When the gateway had it; NULL: not yet. */
  @Column({ name: 'delivered_at', type: 'datetime', precision: 3, nullable: true })
  deliveredAt!: Date | null;
}
