import { Module, type DynamicModule } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../common/clock.ts';
import { databaseModule } from '../common/database.module.ts';
import { HealthController, READINESS_NEEDS } from '../common/health.controller.ts';
import { Log } from '../common/log.ts';
import { mqModule, Producer } from '../common/mq.module.ts';
import { OutboxMessage } from '../common/outbox.ts';
import { OutboxRelay } from '../common/outbox-relay.ts';
import { FindOrder } from './application/find-order.ts';
import { PayOrder } from './application/pay-order.ts';
import { PlaceOrder } from './application/place-order.ts';
import type { OrderConfig } from './config.ts';
import { OrderController } from './http/order.controller.ts';
import { Orders1764000000000 } from './persistence/migrations/1764000000000-orders.ts';
import { Outbox1764000000001 } from './persistence/migrations/1764000000001-outbox.ts';
import { CatalogueSeed1764000000002 } from './persistence/migrations/1764000000002-catalogue-seed.ts';
import {
  CatalogueItemRow,
  IdempotencyKeyRow,
  OrderItemRow,
  OrderRow,
} from './persistence/order.entity.ts';
import { OrderRepository } from './persistence/order.repository.ts';

/** Places orders, marks them paid, and tells everybody else through ORDER_EVENTS. */
@Module({})
export class OrderModule {
  static with({ service, outbox }: OrderConfig, log: Log): DynamicModule {
    return {
      module: OrderModule,
      imports: [
        databaseModule(service.database, {
          entities: [OrderRow, OrderItemRow, CatalogueItemRow, IdempotencyKeyRow, OutboxMessage],
          migrations: [Orders1764000000000, Outbox1764000000001, CatalogueSeed1764000000002],
        }),
        mqModule({
          namesrvAddr: service.namesrvAddr,
          producerGroup: 'order-outbox',
          shutdownGraceMs: service.stopGraceMs,
          log,
        }),
      ],
      controllers: [OrderController, HealthController],
      providers: [
        Clock,
        OrderRepository,
        PlaceOrder,
        PayOrder,
        FindOrder,
        {
          provide: OutboxRelay,
          useFactory: (dataSource: DataSource, sender: Producer, clock: Clock) =>
            new OutboxRelay({ dataSource, sender, settings: outbox, clock, log }),
          inject: [DataSource, Producer, Clock],
        },
        // Orders go on without a broker: their messages wait in the outbox.
        { provide: READINESS_NEEDS, useValue: ['database'] },
      ],
    };
  }
}
