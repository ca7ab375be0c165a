import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import { cancelledShipment, checkCancellable } from '../domain/shipment.ts';
import { ShipmentRow } from '../persistence/shipment.entity.ts';

/**
 * Makes sure that a shipment never leaves, also one that has not come yet.
 *
 * Errors: CARRIER.SHIPPED when it has left.
 */
@Injectable()
export class CancelShipment {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  async execute(requestNo: string): Promise<void> {
    const { manager } = this.dataSource;
    const stone = cancelledShipment(requestNo, this.clock.now());
    if (await insertOnce(insertInto(manager, ShipmentRow, [stone]))) return;
    // A shipment never changes once it is there, so it need not be held.
    checkCancellable(await manager.findOneByOrFail(ShipmentRow, { requestNo }));
  }
}
