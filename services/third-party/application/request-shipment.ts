import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { insertOnce } from '../../common/database-errors.ts';
import { DomainError } from '../../common/errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import {
  acceptShipment,
  checkRepeatedShipment,
  type Shipment,
  type ShipmentRequest,
} from '../domain/shipment.ts';
import { ShipmentRow } from '../persistence/shipment.entity.ts';
import { Misbehaviour } from './misbehaviour.ts';
import { Pauses } from './pauses.ts';

/**
 * Takes a shipment, which has left then. Asked for again it is the same one.
 *
 * The carrier takes its time before it decides: whoever has given up meanwhile and cancels is in time.
 * Errors: CARRIER.CANCELLED, CARRIER.REQUEST_REUSED; CARRIER.UNAVAILABLE when the process ends meanwhile.
 */
@Injectable()
export class RequestShipment {
  constructor(
    private readonly dataSource: DataSource,
    private readonly misbehaviour: Misbehaviour,
    private readonly pauses: Pauses,
    private readonly clock: Clock,
  ) {}

  async execute(request: ShipmentRequest): Promise<Shipment> {
    this.misbehaviour.beforeShipment();
    const { latencyMs } = this.misbehaviour.current.carrier;
    if (!(await this.pauses.wait(latencyMs))) throw stopping();
    const { manager } = this.dataSource;
    const accepted = acceptShipment(request, this.clock.now());
    if (await insertOnce(insertInto(manager, ShipmentRow, [accepted]))) return accepted;
    const { requestNo } = request;
    const known = await manager.findOneByOrFail(ShipmentRow, { requestNo });
    checkRepeatedShipment(known, request);
    return known;
  }
}

function stopping(): DomainError {
  return new DomainError('CARRIER.UNAVAILABLE', 'unavailable', 'the carrier is shutting down');
}
