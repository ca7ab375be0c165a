import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { notificationKinds, type RecordedNotification } from '../domain/notification.ts';

export class NotificationQueryDto {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  @Matches(/^[\x21-\x7e]{1,128}$/, { message: 'must be an order number' })
  orderNo!: string;
}

export class NotificationView {
  @ApiProperty()
  eventId!: string;

  @ApiProperty()
  orderNo!: string;

  @ApiProperty()
  userId!: string;

  @ApiProperty({ enum: notificationKinds })
  kind!: string;

  @ApiProperty()
  text!: string;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Absent until the gateway has it' })
  deliveredAt?: string;
}

export class NotificationListView {
  @ApiProperty({ type: [NotificationView] })
  items!: NotificationView[];
}

export function viewOf(notification: RecordedNotification): NotificationView {
  const { recordedAt, deliveredAt, ...facts } = notification;
  return {
    ...facts,
    recordedAt: recordedAt.toISOString(),
    ...(deliveredAt ? { deliveredAt: deliveredAt.toISOString() } : {}),
  };
}
