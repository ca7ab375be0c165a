import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { RecordedNotification } from '../domain/notification.ts';
import { NotificationRow } from '../persistence/notification.entity.ts';

@Injectable()
export class FindNotifications {
  constructor(private readonly dataSource: DataSource) {}

  execute(orderNo: string): Promise<RecordedNotification[]> {
    return this.dataSource.manager.find(NotificationRow, {
      where: { orderNo },
      order: { recordedAt: 'ASC', eventId: 'ASC' },
    });
  }
}
