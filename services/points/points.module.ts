import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import type { Log } from '../common/log.ts';
import { DeductPoints } from './application/deduct-points.ts';
import { EarnPoints } from './application/earn-points.ts';
import { FindPoints } from './application/find-points.ts';
import type { PointsConfig } from './config.ts';
import { PointsController } from './http/points.controller.ts';
import { OnDeductDue } from './messaging/on-deduct-due.ts';
import { OnOrderPaid } from './messaging/on-order-paid.ts';
import { Points1764000000000 } from './persistence/migrations/1764000000000-points.ts';
import { PointsBalanceRow, PointsMovementRow } from './persistence/points.entity.ts';
import { PointsRepository } from './persistence/points.repository.ts';

/** A ledger of points: earned by paid orders, taken back by refunds. */
@Module({})
export class PointsModule {
  static with({ service }: PointsConfig, log: Log): DynamicModule {
    return {
      module: PointsModule,
      imports: [
        FoundationModule.with({
          name: 'points',
          settings: service,
          entities: [PointsMovementRow, PointsBalanceRow],
          migrations: [Points1764000000000],
          log,
        }),
      ],
      controllers: [PointsController],
      providers: [PointsRepository, EarnPoints, DeductPoints, FindPoints, OnOrderPaid, OnDeductDue],
    };
  }
}
