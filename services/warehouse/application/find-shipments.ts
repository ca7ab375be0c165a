import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Shipment } from '../domain/shipment.ts';
import { GoodsReturnRow } from '../persistence/shipment.entity.ts';
import { ShipmentRepository } from '../persistence/shipment.repository.ts';

@Injectable()
export class FindShipments {
  constructor(
    private readonly dataSource: DataSource,
    private readonly shipments: ShipmentRepository,
  ) {}

  /** None before the order is paid, one after; with what refunds did to it. */
  async ofOrder(orderNo: string): Promise<{ shipment: Shipment; returns: GoodsReturnRow[] }[]> {
    const { manager } = this.dataSource;
    const shipment = await this.shipments.find(manager, { orderNo });
    if (shipment === undefined) return [];
    const returns = await manager.find(GoodsReturnRow, {
      where: { orderNo },
      order: { requestedAt: 'ASC', refundNo: 'ASC' },
    });
    return [{ shipment, returns }];
  }
}
