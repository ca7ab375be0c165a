import { Module, type DynamicModule } from '@nestjs/common';
import { databaseModule } from '../common/database.module.ts';
import { HealthController, READINESS_NEEDS } from '../common/health.controller.ts';
import { InboxModule } from '../common/inbox.module.ts';
import { InboxMessage } from '../common/inbox.ts';
import { Log } from '../common/log.ts';
import { mqModule } from '../common/mq.module.ts';
import { FindNotifications } from './application/find-notifications.ts';
import { RecordNotification } from './application/record-notification.ts';
import type { PushConfig } from './config.ts';
import { NotificationController } from './http/notification.controller.ts';
import { OnOrderEvent } from './messaging/on-order-event.ts';
import { NotificationRow } from './persistence/notification.entity.ts';
import { Notifications1764000000000 } from './persistence/migrations/1764000000000-notifications.ts';

/** Tells users what became of their orders. */
@Module({})
export class PushModule {
  static with({ service, inbox }: PushConfig, log: Log): DynamicModule {
    return {
      module: PushModule,
      imports: [
        databaseModule(service.database, {
          entities: [NotificationRow, InboxMessage],
          migrations: [Notifications1764000000000],
        }),
        mqModule({
          namesrvAddr: service.namesrvAddr,
          producerGroup: 'push',
          shutdownGraceMs: service.stopGraceMs,
          log,
        }),
        InboxModule.with(inbox, log),
      ],
      controllers: [NotificationController, HealthController],
      providers: [
        RecordNotification,
        FindNotifications,
        OnOrderEvent,
        { provide: Log, useValue: log },
        // Without Redis every duplicate costs a statement, and nothing else.
        { provide: READINESS_NEEDS, useValue: ['database', 'mq'] },
      ],
    };
  }
}
