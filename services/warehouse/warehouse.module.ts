import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import { HttpPeer } from '../common/http-peer.ts';
import type { Log } from '../common/log.ts';
import { Carrier } from './application/carrier.ts';
import { FindShipments } from './application/find-shipments.ts';
import { ReceiveReturn } from './application/receive-return.ts';
import { PackingTime, RequestShipment } from './application/request-shipment.ts';
import { ReturnGoods } from './application/return-goods.ts';
import { ShipParcel } from './application/ship-parcel.ts';
import type { WarehouseConfig } from './config.ts';
import { ShipmentController } from './http/shipment.controller.ts';
import { OnOrderPaid } from './messaging/on-order-paid.ts';
import { OnReturnGoodsDue } from './messaging/on-return-goods-due.ts';
import { OnShipmentRequested } from './messaging/on-shipment-requested.ts';
import { Shipments1764000000000 } from './persistence/migrations/1764000000000-shipments.ts';
import { GoodsReturnRow, ShipmentItemRow, ShipmentRow } from './persistence/shipment.entity.ts';
import { ShipmentRepository } from './persistence/shipment.repository.ts';

/** Has the goods of paid orders packed and shipped, takes out what is refunded in time, and waits for the rest to come back. */
@Module({})
export class WarehouseModule {
  static with({ service, thirdParty, packingMs }: WarehouseConfig, log: Log): DynamicModule {
    return {
      module: WarehouseModule,
      imports: [
        FoundationModule.with({
          name: 'warehouse',
          settings: service,
          entities: [ShipmentRow, ShipmentItemRow, GoodsReturnRow],
          migrations: [Shipments1764000000000],
          log,
        }),
      ],
      controllers: [ShipmentController],
      providers: [
        ShipmentRepository,
        RequestShipment,
        ShipParcel,
        ReturnGoods,
        ReceiveReturn,
        FindShipments,
        OnOrderPaid,
        OnShipmentRequested,
        OnReturnGoodsDue,
        { provide: PackingTime, useValue: new PackingTime(packingMs) },
        { provide: Carrier, useValue: new Carrier(new HttpPeer(thirdParty)) },
      ],
    };
  }
}
