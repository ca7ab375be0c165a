import { Module, type DynamicModule } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../common/clock.ts';
import { databaseModule } from '../common/database.module.ts';
import { HealthController, READINESS_NEEDS } from '../common/health.controller.ts';
import { Log } from '../common/log.ts';
import { MessageTransaction, MessageTransactions } from '../common/message-transactions.ts';
import { mqModule, TransactionProducer } from '../common/mq.module.ts';
import { TransactionCheck } from '../common/transaction-check.ts';
import { CloseUnpaidOrder } from './application/close-unpaid-order.ts';
import { FindOrder } from './application/find-order.ts';
import { PayOrder } from './application/pay-order.ts';
import { PlaceOrder } from './application/place-order.ts';
import { PayTimeout, RequestCloseCheck } from './application/request-close-check.ts';
import type { OrderConfig } from './config.ts';
import { OrderController } from './http/order.controller.ts';
import { OnCloseCheck } from './messaging/on-close-check.ts';
import { Orders1764000000000 } from './persistence/migrations/1764000000000-orders.ts';
import { Outbox1764000000001 } from './persistence/migrations/1764000000001-outbox.ts';
import { CatalogueSeed1764000000002 } from './persistence/migrations/1764000000002-catalogue-seed.ts';
import { HalfMessages1764000000003 } from './persistence/migrations/1764000000003-half-messages.ts';
import {
  CatalogueItemRow,
  IdempotencyKeyRow,
  OrderItemRow,
  OrderRow,
} from './persistence/order.entity.ts';
import { OrderRepository } from './persistence/order.repository.ts';

/** Places orders, marks them paid, closes those nobody pays, and tells everybody else through ORDER_EVENTS. */
@Module({})
export class OrderModule {
  static with({ service, payTimeoutMs, maxReconsumeTimes }: OrderConfig, log: Log): DynamicModule {
    return {
      module: OrderModule,
      imports: [
        databaseModule(service.database, {
          entities: [
            OrderRow,
            OrderItemRow,
            CatalogueItemRow,
            IdempotencyKeyRow,
            MessageTransaction,
          ],
          migrations: [
            Orders1764000000000,
            Outbox1764000000001,
            CatalogueSeed1764000000002,
            HalfMessages1764000000003,
          ],
        }),
        mqModule({
          namesrvAddr: service.namesrvAddr,
          producerGroup: 'order',
          transactionProducerGroup: 'order-transactions',
          maxReconsumeTimes,
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
        CloseUnpaidOrder,
        FindOrder,
        RequestCloseCheck,
        OnCloseCheck,
        TransactionCheck,
        { provide: PayTimeout, useValue: new PayTimeout(payTimeoutMs) },
        { provide: Log, useValue: log },
        {
          provide: MessageTransactions,
          useFactory: (dataSource: DataSource, sender: TransactionProducer, clock: Clock) =>
            new MessageTransactions({ dataSource, sender, clock, log }),
          inject: [DataSource, TransactionProducer, Clock],
        },
        // An order needs its half message: without a broker there is none to be placed, paid or closed.
        { provide: READINESS_NEEDS, useValue: ['database', 'mq'] },
      ],
    };
  }
}
