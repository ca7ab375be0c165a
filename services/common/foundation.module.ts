import { Module, type DynamicModule } from '@nestjs/common';
import { DataSource, type MigrationInterface } from 'typeorm';
import { BrokerBreaker } from './broker-breaker.ts';
import { exportClientMetrics } from './client-metrics.ts';
import { Clock } from './clock.ts';
import { ConsumerLag } from './consumer-lag.ts';
import { Consumption } from './consumption.ts';
import { databaseModule } from './database.module.ts';
import { RareCounts } from './rare-counts.ts';
import { HealthController, READINESS_NEEDS, type ReadinessPart } from './health.controller.ts';
import { IdempotentRequests } from './idempotent-requests.ts';
import { Inbox, InboxMessage } from './inbox.ts';
import { Log } from './log.ts';
import { MessageTransaction, MessageTransactions } from './message-transactions.ts';
import { Metrics } from './metrics.ts';
import { MetricsController } from './metrics.controller.ts';
import {
  MillraceHealth,
  MillraceMetrics,
  mqModule,
  Producer,
  TransactionProducer,
} from './mq.module.ts';
import { OrderlyConsumption } from './orderly-consumption.ts';
import { OutboxMessage } from './outbox.ts';
import { OutboxRelay } from './outbox-relay.ts';
import { RedisConnection } from './redis.ts';
import { RefundStepConsumption } from './refund-step-consumption.ts';
import type { MessagingServiceSettings } from './service-settings.ts';
import { Spool } from './spool.ts';
import { StatusMemory } from './status-memory.ts';
import { TransactionCheck } from './transaction-check.ts';

/** Nobody injects it: Nest makes it when all clients are there. */
const CLIENT_METRICS = Symbol('client metrics');

export interface Foundation {
  /** The service's name, and the name of its producer group. */
  name: string;
  settings: MessagingServiceSettings;
  entities: (new () => object)[];
  migrations: (new () => MigrationInterface)[];
  /** Without these it can do no work. Without a broker it spools, without Redis it is slower. Default: the database. */
  needs?: readonly ReadinessPart[];
  log: Log;
}

/**
 * What every service that speaks through the broker stands on: its schema, its producers and consumers, inbox, outbox and
 * spool, message transactions, Redis, health and metrics. Its tables are those of `createMessagingTables`.
 */
@Module({})
export class FoundationModule {
  static with({ name, settings, entities, migrations, needs, log }: Foundation): DynamicModule {
    const metrics = new Metrics(name);
    const shared = [
      Clock,
      { provide: Log, useValue: log },
      { provide: Metrics, useValue: metrics },
      {
        provide: RedisConnection,
        useFactory: () =>
          // What is remembered is true of one schema only.
          new RedisConnection(settings.inbox.redisUrl, log, `${settings.database.schema}:`),
      },
      {
        provide: StatusMemory,
        useFactory: (redis: RedisConnection) =>
          new StatusMemory({ store: redis.client, settings: settings.inbox, log }),
        inject: [RedisConnection],
      },
      {
        provide: Inbox,
        useFactory: (dataSource: DataSource, memory: StatusMemory, clock: Clock) =>
          new Inbox({ dataSource, memory, clock }),
        inject: [DataSource, StatusMemory, Clock],
      },
      {
        provide: IdempotentRequests,
        useFactory: (dataSource: DataSource, memory: StatusMemory, clock: Clock) =>
          new IdempotentRequests({ dataSource, memory, clock }),
        inject: [DataSource, StatusMemory, Clock],
      },
      {
        provide: Consumption,
        useFactory: () => new Consumption({ log, metrics, settings: settings.consumption }),
      },
      {
        provide: OrderlyConsumption,
        useFactory: () => new OrderlyConsumption({ log, metrics }),
      },
      {
        provide: RefundStepConsumption,
        useFactory: (consumption: Consumption, inbox: Inbox, relay: OutboxRelay, clock: Clock) =>
          new RefundStepConsumption({ consumption, inbox, relay, clock }),
        inject: [Consumption, Inbox, OutboxRelay, Clock],
      },
      { provide: BrokerBreaker, useFactory: () => new BrokerBreaker() },
      {
        provide: OutboxRelay,
        useFactory: (dataSource: DataSource, sender: Producer, clock: Clock) => {
          const relay = new OutboxRelay({
            dataSource,
            sender,
            settings: settings.outbox,
            clock,
            log,
          });
          metrics.gauge(
            'millrace_outbox_unsent',
            'Messages that wait in the outbox for the broker',
            () => relay.unsentCount(),
          );
          metrics.gauge(
            'millrace_outbox_oldest_seconds',
            'How long ago that happened which the oldest of them tells of',
            () => relay.oldestUnsentAgeS(),
          );
          return relay;
        },
        inject: [DataSource, Producer, Clock],
      },
      {
        provide: Spool,
        useFactory: (
          dataSource: DataSource,
          sender: Producer,
          relay: OutboxRelay,
          breaker: BrokerBreaker,
          clock: Clock,
        ) => new Spool({ dataSource, sender, relay, breaker, clock, metrics, log }),
        inject: [DataSource, Producer, OutboxRelay, BrokerBreaker, Clock],
      },
      {
        provide: MessageTransactions,
        useFactory: (
          dataSource: DataSource,
          sender: TransactionProducer,
          relay: OutboxRelay,
          breaker: BrokerBreaker,
          clock: Clock,
        ) => new MessageTransactions({ dataSource, sender, relay, breaker, clock, metrics, log }),
        inject: [DataSource, TransactionProducer, OutboxRelay, BrokerBreaker, Clock],
      },
    ];
    return {
      // Not global: Nest stops global modules last, in the order of their imports, and the relay must end before the
      // Producer and the database do.
      module: FoundationModule,
      imports: [
        databaseModule(settings.database, {
          entities: [...entities, InboxMessage, OutboxMessage, MessageTransaction],
          migrations,
        }),
        mqModule({
          namesrvAddr: settings.namesrvAddr,
          producerGroup: name,
          transactionProducerGroup: `${name}-transactions`,
          maxReconsumeTimes: settings.consumption.maxReconsumeTimes,
          shutdownGraceMs: settings.stopGraceMs,
          log,
        }),
      ],
      controllers: [HealthController, MetricsController],
      providers: [
        ...shared,
        TransactionCheck,
        {
          provide: ConsumerLag,
          useFactory: (health: MillraceHealth) =>
            new ConsumerLag({ namesrvAddr: settings.namesrvAddr, health, metrics }),
          inject: [MillraceHealth],
        },
        {
          provide: RareCounts,
          useFactory: (health: MillraceHealth) => new RareCounts(health, metrics),
          inject: [MillraceHealth],
        },
        {
          provide: CLIENT_METRICS,
          useFactory: (client: MillraceMetrics) => exportClientMetrics(metrics, client),
          inject: [MillraceMetrics],
        },
        { provide: READINESS_NEEDS, useValue: needs ?? ['database'] },
      ],
      exports: shared.map((provider) => ('provide' in provider ? provider.provide : provider)),
    };
  }
}
