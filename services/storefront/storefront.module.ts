import { Module, type DynamicModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { HealthController, READINESS_NEEDS } from '../common/health.controller.ts';
import { Log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { MetricsController } from '../common/metrics.controller.ts';
import { BringBack } from './application/bring-back.ts';
import { FindProducts } from './application/find-products.ts';
import { ShopServices } from './application/shop-services.ts';
import type { StorefrontConfig } from './config.ts';
import { FiguresWatch } from './figures/figures-watch.ts';
import { CatalogueController } from './http/catalogue.controller.ts';
import { DeadLetterController } from './http/dead-letter.controller.ts';
import { ForeignRequests } from './http/foreign-requests.ts';
import { LiveController } from './http/live.controller.ts';
import { OrderController } from './http/order.controller.ts';
import { PageController } from './http/page.controller.ts';
import { SaleController } from './http/sale.controller.ts';
import { SwitchesController } from './http/switches.controller.ts';
import { LiveHub } from './live/live-hub.ts';
import { systemTimers } from './live/timers.ts';
import { BrokerConnection } from './queues/broker-connection.ts';
import { DeadLetters } from './queues/dead-letters.ts';
import { QueueReading } from './queues/queue-reading.ts';
import { QueueWatch } from './queues/queue-watch.ts';
import { SaleStage } from './sale/sale-stage.ts';
import { Switches } from './switches/switches.ts';
import { SwitchWatch } from './switches/switch-watch.ts';
import { OrderWatch } from './timeline/order-watch.ts';

/** The shop page and what is behind it: it asks the services over HTTP and the broker, and keeps nothing. */
@Module({})
export class StorefrontModule {
  static with(config: StorefrontConfig, log: Log): DynamicModule {
    const { customerTokenSecret } = config;
    const hub = new LiveHub(systemTimers);
    const parts = { hub, timers: systemTimers, log };
    const services = new ShopServices(config.peers);
    const switches = new Switches(services, config.stageUrl);
    const broker = new BrokerConnection(config.namesrvAddr, log);
    const { admin } = broker;
    const reading = new QueueReading(admin, () => systemTimers.monotonicMs());
    const queues = new QueueWatch({ ...parts, reading });
    return {
      module: StorefrontModule,
      controllers: [
        PageController,
        CatalogueController,
        OrderController,
        LiveController,
        SwitchesController,
        DeadLetterController,
        SaleController,
        HealthController,
        MetricsController,
      ],
      providers: [
        FindProducts,
        BringBack,
        {
          provide: ForeignRequests,
          useFactory: (adapterHost: HttpAdapterHost) =>
            new ForeignRequests(adapterHost, config.allowedHosts),
          inject: [HttpAdapterHost],
        },
        { provide: Log, useValue: log },
        { provide: Metrics, useValue: new Metrics('storefront') },
        { provide: LiveHub, useValue: hub },
        { provide: ShopServices, useValue: services },
        { provide: BrokerConnection, useValue: broker },
        { provide: DeadLetters, useValue: new DeadLetters(admin, () => reading.hurry()) },
        { provide: SwitchWatch, useValue: new SwitchWatch({ ...parts, switches }) },
        { provide: QueueWatch, useValue: queues },
        { provide: FiguresWatch, useValue: new FiguresWatch({ ...parts, services, queues }) },
        {
          provide: SaleStage,
          useValue: new SaleStage({ ...parts, services, customerTokenSecret }),
        },
        { provide: OrderWatch, useValue: new OrderWatch({ ...parts, services, admin }) },
        // It has no state of its own: whatever is away, the page says so.
        { provide: READINESS_NEEDS, useValue: [] },
      ],
    };
  }
}
