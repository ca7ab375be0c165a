import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMinSize, IsArray, IsInt, IsObject, Max, Min, ValidateNested } from 'class-validator';
import { MAX_SHIPMENT_ITEMS, type Shipment, type ShipmentStatus } from '../domain/shipment.ts';
import { Reference } from './field-rules.ts';

const MAX_QUANTITY = 1_000_000;
const quantityMessage = `must be a whole number from 1 to ${MAX_QUANTITY}`;
const itemsMessage = 'must be a list of { sku, quantity }';

export class ShipmentItemDto {
  @Reference('TEA-GREEN-100')
  sku!: string;

  @ApiProperty({ example: 2, minimum: 1 })
  @IsInt({ message: quantityMessage })
  @Min(1, { message: quantityMessage })
  @Max(MAX_QUANTITY, { message: quantityMessage })
  quantity!: number;
}

export class RequestShipmentDto {
  static readonly listLimits = { items: MAX_SHIPMENT_ITEMS };

  @Reference('SHP-20261120-7K3M9Q2T4VXA')
  requestNo!: string;

  @Reference('20261120-7K3M9Q2T4VXA')
  orderNo!: string;

  @ApiProperty({ type: [ShipmentItemDto], minItems: 1, maxItems: MAX_SHIPMENT_ITEMS })
  @IsArray({ message: itemsMessage })
  @ArrayMinSize(1, { message: 'is empty, a shipment has at least 1 item' })
  @IsObject({ each: true, message: itemsMessage })
  @ValidateNested({ each: true })
  @Type(() => ShipmentItemDto)
  items!: ShipmentItemDto[];
}

export class ShipmentView {
  @ApiProperty()
  requestNo!: string;

  @ApiPropertyOptional({
    example: 'TRK-7K3M9Q2T4VXA0B1C',
    description: 'Missing of one cancelled before it came',
  })
  trackingNo?: string;

  @ApiProperty({ enum: ['ACCEPTED', 'CANCELLED'] })
  status!: ShipmentStatus;
}

export class CancelledShipmentView {
  @ApiProperty({ enum: ['CANCELLED'] })
  status!: 'CANCELLED';
}

export function viewOf({ requestNo, trackingNo, status }: Shipment): ShipmentView {
  return { requestNo, ...(trackingNo === null ? {} : { trackingNo }), status };
}
