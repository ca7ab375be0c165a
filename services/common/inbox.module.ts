import { Module, type DynamicModule } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from './clock.ts';
import { Inbox } from './inbox.ts';
import type { Log } from './log.ts';
import { RedisConnection } from './redis.ts';
import type { InboxSettings } from './service-settings.ts';

/** Gives a service that consumes its Inbox, over its own database and the shared Redis. */
@Module({})
export class InboxModule {
  static with(settings: InboxSettings, log: Log): DynamicModule {
    return {
      module: InboxModule,
      providers: [
        Clock,
        { provide: RedisConnection, useFactory: () => new RedisConnection(settings.redisUrl, log) },
        {
          provide: Inbox,
          useFactory: (dataSource: DataSource, redis: RedisConnection, clock: Clock) =>
            new Inbox({ dataSource, status: redis.client, settings, clock, log }),
          inject: [DataSource, RedisConnection, Clock],
        },
      ],
      exports: [Clock, Inbox, RedisConnection],
    };
  }
}
