import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import type { Log } from '../common/log.ts';
import type { FlashSaleConfig } from './config.ts';
import { gateOf } from './gate.providers.ts';
import { keeperOf } from './keeper.providers.ts';
import { FlashSaleRow, FlashTicketRow } from './persistence/flash-sale.entity.ts';
import { FlashSaleRepository } from './persistence/flash-sale.repository.ts';
import { FlashSales1764000000000 } from './persistence/migrations/1764000000000-flash-sales.ts';
import { SaleKeys } from './redis/sale-keys.ts';
import { SaleRebuild } from './redis/sale-rebuild.ts';
import { SaleRedis } from './redis/sale-redis.ts';
import { SaleState } from './redis/sale-state.ts';

/** Admits customers to flash sales at its gate, and has their orders placed by its keeper, at the database's pace. */
@Module({})
export class FlashSaleModule {
  static with(config: FlashSaleConfig, log: Log): DynamicModule {
    const { service, role } = config;
    const gate = role === 'keeper' ? undefined : gateOf(config, log);
    const keeper = role === 'gate' ? undefined : keeperOf(config, log);
    return {
      module: FlashSaleModule,
      imports: [
        FoundationModule.with({
          name: 'flashsale',
          settings: service,
          entities: [FlashSaleRow, FlashTicketRow],
          migrations: [FlashSales1764000000000],
          needs: ['database', 'redis'],
          log,
        }),
      ],
      controllers: [...(gate?.controllers ?? [])],
      providers: [
        FlashSaleRepository,
        { provide: SaleKeys, useValue: new SaleKeys(service.database.schema) },
        { provide: SaleRedis, useFactory: () => new SaleRedis(service.inbox.redisUrl, log) },
        {
          provide: SaleState,
          useFactory: (redis: SaleRedis, keys: SaleKeys) => new SaleState(redis, keys),
          inject: [SaleRedis, SaleKeys],
        },
        {
          provide: SaleRebuild,
          useFactory: (redis: SaleRedis, keys: SaleKeys) => new SaleRebuild(redis, keys),
          inject: [SaleRedis, SaleKeys],
        },
        ...(gate?.providers ?? []),
        ...(keeper?.providers ?? []),
      ],
    };
  }
}
