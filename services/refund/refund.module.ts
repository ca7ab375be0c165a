import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import type { Log } from '../common/log.ts';
import { AdvanceRefund } from './application/advance-refund.ts';
import { BeginRefund } from './application/begin-refund.ts';
import { FindRefunds } from './application/find-refunds.ts';
import { StuckRefunds } from './application/stuck-refunds.ts';
import type { RefundConfig } from './config.ts';
import { RefundController } from './http/refund.controller.ts';
import { OnOrderEvent } from './messaging/on-order-event.ts';
import { OnStepResult } from './messaging/on-step-result.ts';
import { Refunds1764000000000 } from './persistence/migrations/1764000000000-refunds.ts';
import { RefundRow, RefundStepRow } from './persistence/refund.entity.ts';
import { RefundRepository } from './persistence/refund.repository.ts';

/** The payment in reverse, step by step, each done by the service that owns it; what is stuck waits for a person. */
@Module({})
export class RefundModule {
  static with({ service }: RefundConfig, log: Log): DynamicModule {
    return {
      module: RefundModule,
      imports: [
        FoundationModule.with({
          name: 'refund',
          settings: service,
          entities: [RefundRow, RefundStepRow],
          migrations: [Refunds1764000000000],
          log,
        }),
      ],
      controllers: [RefundController],
      providers: [
        RefundRepository,
        BeginRefund,
        AdvanceRefund,
        FindRefunds,
        OnOrderEvent,
        OnStepResult,
        StuckRefunds,
      ],
    };
  }
}
