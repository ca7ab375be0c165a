import { performance } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import { Metrics } from '../../common/metrics.ts';
import { LitePullConsumer, Producer } from '../../common/mq.module.ts';
import type { MessagingServiceSettings } from '../../common/service-settings.ts';
import { BinlogQueues } from './binlog-queues.ts';
import { Checkpoints } from './checkpoints.ts';
import { Follower } from './follower.ts';
import { FollowerMetrics } from './follower-metrics.ts';
import type { FollowerSettings } from './follower-settings.ts';
import { SavedLinks } from './order-links.ts';
import { pause } from './pause.ts';
import { SourceConnection } from './source-connection.ts';
import { ZongjiClient } from './zongji-client.ts';

export const STREAM_NAME = 'order-binlog';

/** Looks at the ends of queues; ended with the service. */
@Injectable()
export class QueueEndsConsumer extends LitePullConsumer implements OnApplicationShutdown {
  async onApplicationShutdown(): Promise<void> {
    await this.shutdown();
  }
}

export function followerProviders(
  settings: FollowerSettings,
  service: MessagingServiceSettings,
  log: Log,
): Provider[] {
  const { source, serverId, heartbeatMs } = settings;
  const tables = [...settings.tables.keys()];
  return [
    {
      provide: QueueEndsConsumer,
      useFactory: () =>
        new QueueEndsConsumer({
          namesrvAddr: service.namesrvAddr,
          consumerGroup: 'sync-queue-ends',
          autoCommit: false,
          logger: log,
        }),
    },
    {
      provide: Follower,
      useFactory: (
        dataSource: DataSource,
        producer: Producer,
        consumer: QueueEndsConsumer,
        metrics: Metrics,
        clock: Clock,
      ) =>
        new Follower({
          stream: STREAM_NAME,
          settings,
          // Locks are known to a whole server: another copy of the service has another schema.
          lockName: `${service.database.schema}.${STREAM_NAME}`.slice(0, 64),
          openSource: () => SourceConnection.open(source),
          newClient: () => new ZongjiClient(source, { tables, serverId, heartbeatMs }),
          port: new BinlogQueues(producer, consumer),
          checkpoints: new Checkpoints(dataSource, clock),
          savedLinks: new SavedLinks(dataSource),
          steadyNow: () => performance.now(),
          pause,
          log,
          clock,
          metrics: new FollowerMetrics(metrics),
        }),
      inject: [DataSource, Producer, QueueEndsConsumer, Metrics, Clock],
    },
  ];
}
