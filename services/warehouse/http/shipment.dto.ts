import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import type { Shipment } from '../domain/shipment.ts';
import type { GoodsReturnRow } from '../persistence/shipment.entity.ts';

export class ShipmentQueryDto {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  @Matches(/^[\x21-\x7e]{1,64}$/, { message: 'must be an order number' })
  orderNo!: string;
}

export class ReturnReceiptDto {
  @ApiProperty({ example: '20261120-9Q2T4VXA7K3M' })
  @Matches(/^[\x21-\x7e]{1,64}$/, { message: 'must be the number of a refund' })
  refundNo!: string;
}

export class ShipmentItemView {
  @ApiProperty()
  sku!: string;

  @ApiProperty()
  quantity!: number;

  @ApiProperty({ description: 'How many were taken out before the parcel left' })
  cancelledQuantity!: number;
}

export class ReturnedItemView {
  @ApiProperty()
  sku!: string;

  @ApiProperty()
  quantity!: number;
}

export class GoodsReturnView {
  @ApiProperty()
  refundNo!: string;

  @ApiProperty()
  shipmentNo!: string;

  @ApiProperty({ enum: ['CANCELLED', 'AWAITED', 'RECEIVED'] })
  status!: string;

  @ApiProperty({ type: [ReturnedItemView], description: 'What comes back, or never left' })
  items!: readonly ReturnedItemView[];

  @ApiProperty({ format: 'date-time' })
  requestedAt!: string;

  @ApiPropertyOptional({ format: 'date-time' })
  settledAt?: string;
}

export class ShipmentView {
  @ApiProperty()
  shipmentNo!: string;

  @ApiProperty()
  orderNo!: string;

  @ApiProperty({ enum: ['REQUESTED', 'HANDING_OVER', 'SHIPPED', 'CANCELLED'] })
  status!: string;

  @ApiPropertyOptional()
  trackingNo?: string;

  @ApiProperty({ type: [ShipmentItemView] })
  items!: readonly ShipmentItemView[];

  @ApiProperty({ format: 'date-time' })
  requestedAt!: string;

  @ApiPropertyOptional({ format: 'date-time' })
  shippedAt?: string;

  @ApiProperty({ type: [GoodsReturnView], description: 'What refunds did to it, oldest first' })
  returns!: GoodsReturnView[];
}

export class ShipmentListView {
  @ApiProperty({ type: [ShipmentView] })
  items!: ShipmentView[];
}

export function viewOf(shipment: Shipment, returns: readonly GoodsReturnRow[]): ShipmentView {
  const { requestedAt, shippedAt, ...facts } = shipment;
  return {
    ...facts,
    requestedAt: requestedAt.toISOString(),
    ...(shippedAt ? { shippedAt: shippedAt.toISOString() } : {}),
    returns: returns.map((each) => returnViewOf(each)),
  };
}

export function returnViewOf(row: GoodsReturnRow): GoodsReturnView {
  const { refundNo, shipmentNo, status, items, requestedAt, settledAt } = row;
  return {
    refundNo,
    shipmentNo,
    status,
    items,
    requestedAt: requestedAt.toISOString(),
    ...(settledAt ? { settledAt: settledAt.toISOString() } : {}),
  };
}
