import { Module, type DynamicModule } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../common/clock.ts';
import { databaseModule } from '../common/database.module.ts';
import { HealthController, READINESS_NEEDS } from '../common/health.controller.ts';
import { InboxModule } from '../common/inbox.module.ts';
import { InboxMessage } from '../common/inbox.ts';
import { Log } from '../common/log.ts';
import { mqModule, Producer } from '../common/mq.module.ts';
import { OutboxMessage } from '../common/outbox.ts';
import { OutboxRelay } from '../common/outbox-relay.ts';
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

/** Tells users what became of their orders, through an outbox of its own: recorded first, delivered after. */
@Module({})
export class PushModule {
  static with({ service, inbox, outbox, maxReconsumeTimes }: PushConfig, log: Log): DynamicModule {
    return {
      module: PushModule,
      imports: [
        databaseModule(service.database, {
          entities: [NotificationRow, InboxMessage, OutboxMessage],
          migrations: [Notifications1764000000000, Delivery1764000000001],
        }),
        mqModule({
          namesrvAddr: service.namesrvAddr,
          producerGroup: 'push-outbox',
          maxReconsumeTimes,
          shutdownGraceMs: service.stopGraceMs,
          log,
        }),
        InboxModule.with(inbox, log),
      ],
      controllers: [NotificationController, HealthController],
      providers: [
        RecordNotification,
        DeliverNotification,
        FindNotifications,
        OnOrderEvent,
        OnNotificationRecorded,
        {
          provide: OutboxRelay,
          useFactory: (dataSource: DataSource, sender: Producer, clock: Clock) =>
            new OutboxRelay({ dataSource, sender, settings: outbox, clock, log }),
          inject: [DataSource, Producer, Clock],
        },
        { provide: Log, useValue: log },
        // Without Redis every duplicate costs a statement, and nothing else.
        { provide: READINESS_NEEDS, useValue: ['database', 'mq'] },
      ],
    };
  }
}
