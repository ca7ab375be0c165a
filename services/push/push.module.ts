import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import type { Log } from '../common/log.ts';
import { DeliverNotification } from './application/deliver-notification.ts';
import { FindNotifications } from './application/find-notifications.ts';
import { RecordNotification } from './application/record-notification.ts';
import type { PushConfig } from './config.ts';
import { NotificationController } from './http/notification.controller.ts';
import { OnNotificationRecorded } from './messaging/on-notification-recorded.ts';
import { OnOrderEvent } from './messaging/on-order-event.ts';
import { NotificationRow } from './persistence/notification.entity.ts';
import { Notifications1764000000000 } from './persistence/migrations/1764000000000-notifications.ts';
import { Delivery1764000000001 } from './persistence/migrations/1764000000001-delivery.ts';
import { Messaging1764000000002 } from './persistence/migrations/1764000000002-messaging.ts';

/** Tells users what became of their orders, through its outbox: recorded first, delivered after. */
@Module({})
export class PushModule {
  static with({ service }: PushConfig, log: Log): DynamicModule {
    return {
      module: PushModule,
      imports: [
        FoundationModule.with({
          name: 'push',
          settings: service,
          entities: [NotificationRow],
          migrations: [Notifications1764000000000, Delivery1764000000001, Messaging1764000000002],
          log,
        }),
      ],
      controllers: [NotificationController],
      providers: [
        RecordNotification,
        DeliverNotification,
        FindNotifications,
        OnOrderEvent,
        OnNotificationRecorded,
      ],
    };
  }
}
