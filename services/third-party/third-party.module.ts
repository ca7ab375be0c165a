import { Module, type DynamicModule } from '@nestjs/common';
import { Clock } from '../common/clock.ts';
import { databaseModule } from '../common/database.module.ts';
import { HealthController, READINESS_NEEDS } from '../common/health.controller.ts';
import { Log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { MetricsController } from '../common/metrics.controller.ts';
import { CallbackSender } from './application/callback-sender.ts';
import { CancelShipment } from './application/cancel-shipment.ts';
import { ChargeProgress } from './application/charge-progress.ts';
import { FindCharge } from './application/find-charge.ts';
import { FindShipment } from './application/find-shipment.ts';
import { Misbehaviour } from './application/misbehaviour.ts';
import { Pauses } from './application/pauses.ts';
import { RefundCharge } from './application/refund-charge.ts';
import { RequestCharge } from './application/request-charge.ts';
import { RequestShipment } from './application/request-shipment.ts';
import { SettleCharge } from './application/settle-charge.ts';
import { CallbackBackoff, TellOutcome } from './application/tell-outcome.ts';
import { VoidCharge } from './application/void-charge.ts';
import type { ThirdPartyConfig } from './config.ts';
import { Chance } from './domain/chance.ts';
import { BehaviourController } from './http/behaviour.controller.ts';
import { ChargeController } from './http/charge.controller.ts';
import { LostAnswers } from './http/lost-answers.ts';
import { RefundController } from './http/refund.controller.ts';
import { ShipmentController } from './http/shipment.controller.ts';
import { ChargeRow, RefundRow } from './persistence/channel.entity.ts';
import { ChargeRepository } from './persistence/charge.repository.ts';
import { ThirdParty1764000000000 } from './persistence/migrations/1764000000000-third-party.ts';
import { ShipmentRow } from './persistence/shipment.entity.ts';

/** The world outside: a payment channel and a carrier, slow, failing and repeating on demand. Speaks HTTP and nothing else. */
@Module({})
export class ThirdPartyModule {
  static with(config: ThirdPartyConfig, log: Log): DynamicModule {
    const { service, channelSecret, callbackBackoff, seed, behaviour } = config;
    log.info('misbehaves by a seed', { seed });
    return {
      module: ThirdPartyModule,
      imports: [
        databaseModule(service.database, {
          entities: [ChargeRow, RefundRow, ShipmentRow],
          migrations: [ThirdParty1764000000000],
        }),
      ],
      controllers: [
        ChargeController,
        RefundController,
        ShipmentController,
        BehaviourController,
        HealthController,
        MetricsController,
      ],
      providers: [
        Clock,
        Pauses,
        ChargeRepository,
        RequestCharge,
        FindCharge,
        VoidCharge,
        SettleCharge,
        TellOutcome,
        ChargeProgress,
        RefundCharge,
        RequestShipment,
        CancelShipment,
        FindShipment,
        LostAnswers,
        { provide: Log, useValue: log },
        { provide: Metrics, useValue: new Metrics('third-party') },
        { provide: Misbehaviour, useValue: new Misbehaviour(behaviour, new Chance(seed)) },
        {
          provide: CallbackBackoff,
          useValue: new CallbackBackoff(callbackBackoff.minMs, callbackBackoff.maxMs),
        },
        {
          provide: CallbackSender,
          useFactory: (clock: Clock) => new CallbackSender({ secret: channelSecret, clock, log }),
          inject: [Clock],
        },
        { provide: READINESS_NEEDS, useValue: ['database'] },
      ],
    };
  }
}
