import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import type { Log } from '../common/log.ts';
import type { SyncConfig } from './config.ts';
import { copyControllers, copyProviders } from './copy-providers.ts';
import { followerProviders } from './follower/follower-providers.ts';
import { StreamController } from './follower/stream.controller.ts';
import { Streams1764000000000 } from './persistence/migrations/1764000000000-streams.ts';

/** Follows the order database's binlog into ORDER_BINLOG, and applies what it reads there to a copy that may be asked at length. */
@Module({})
export class SyncModule {
  static with({ service, follower, copy }: SyncConfig, log: Log): DynamicModule {
    return {
      module: SyncModule,
      imports: [
        FoundationModule.with({
          name: 'sync',
          settings: service,
          entities: [],
          migrations: [Streams1764000000000],
          log,
        }),
      ],
      controllers: [StreamController, ...copyControllers],
      providers: [
        ...followerProviders(follower, service, log),
        ...copyProviders(copy, follower, log),
      ],
    };
  }
}
