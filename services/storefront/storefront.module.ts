import { Module, type DynamicModule } from '@nestjs/common';
import { HealthController, READINESS_NEEDS } from '../common/health.controller.ts';
import { Log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { MetricsController } from '../common/metrics.controller.ts';
import { BringBack } from './application/bring-back.ts';
import { FindProducts } from './application/find-products.ts';
import { ShopServices } from './application/shop-services.ts';
import type { StorefrontConfig } from './config.ts';
import { CatalogueController } from './http/catalogue.controller.ts';
import { LiveController } from './http/live.controller.ts';
import { OrderController } from './http/order.controller.ts';
import { PageController } from './http/page.controller.ts';
import { LiveHub } from './live/live-hub.ts';
import { systemTimers } from './live/timers.ts';

/** The shop page and what is behind it: it asks the services over HTTP and the broker, and keeps nothing. */
@Module({})
export class StorefrontModule {
  static with(config: StorefrontConfig, log: Log): DynamicModule {
    return {
      module: StorefrontModule,
      controllers: [
        PageController,
        CatalogueController,
        OrderController,
        LiveController,
        HealthController,
        MetricsController,
      ],
      providers: [
        FindProducts,
        BringBack,
        { provide: Log, useValue: log },
        { provide: Metrics, useValue: new Metrics('storefront') },
        { provide: LiveHub, useValue: new LiveHub(systemTimers) },
        { provide: ShopServices, useValue: new ShopServices(config.peers) },
        // It has no state of its own: whatever is away, the page says so.
        { provide: READINESS_NEEDS, useValue: [] },
      ],
    };
  }
}
