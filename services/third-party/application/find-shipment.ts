import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../../common/errors.ts';
import type { Shipment } from '../domain/shipment.ts';
import { ShipmentRow } from '../persistence/shipment.entity.ts';

/** Errors: CARRIER.NOT_FOUND. */
@Injectable()
export class FindShipment {
  constructor(private readonly dataSource: DataSource) {}

  async execute(requestNo: string): Promise<Shipment> {
    const shipment = await this.dataSource.manager.findOneBy(ShipmentRow, { requestNo });
    if (shipment !== null) return shipment;
    throw new DomainError('CARRIER.NOT_FOUND', 'not_found', `there is no shipment ${requestNo}`);
  }
}
