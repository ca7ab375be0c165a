import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMinSize,
  IsArray,
  IsInt,
  IsObject,
  Matches,
  Max,
  Min,
  ValidateNested,
  type ValidationArguments,
} from 'class-validator';
import { textMessage } from '../../common/field-messages.ts';
import { MAX_ITEM_QUANTITY, MAX_ITEMS, type ReservationStatus } from '../domain/reservation.ts';

export const keyPattern = /^[\x21-\x7e]{1,64}$/;

/** Says what came, beside what is allowed: of anything but a number only its kind, which may be long otherwise. */
function quantityMessage({ value }: ValidationArguments): string {
  const allowed = `it must be a whole number from 1 to ${MAX_ITEM_QUANTITY}`;
  if (value === undefined) return `is missing, ${allowed}`;
  const isShort = typeof value === 'number' || value === null;
  return `is ${isShort ? String(value) : `a ${typeof value}`}, ${allowed}`;
}

const keyMessage = textMessage('1 to 64 visible ASCII characters');

export class ReservedItemDto {
  @ApiProperty({ example: 'TEA-GREEN-100' })
  @Matches(/^[A-Z0-9-]{1,32}$/, { message: textMessage('1 to 32 characters A-Z, 0-9 and -') })
  sku!: string;

  @ApiProperty({ example: 2, minimum: 1, maximum: MAX_ITEM_QUANTITY })
  @IsInt({ message: quantityMessage })
  @Min(1, { message: quantityMessage })
  @Max(MAX_ITEM_QUANTITY, { message: quantityMessage })
  quantity!: number;
}

export class ReserveDto {
  static readonly listLimits = { items: MAX_ITEMS };

  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  @Matches(keyPattern, { message: keyMessage })
  orderNo!: string;

  @ApiProperty({ description: 'Of the transaction that places the order' })
  @Matches(keyPattern, { message: keyMessage })
  transactionKey!: string;

  @ApiProperty({
    type: [ReservedItemDto],
    minItems: 1,
    maxItems: MAX_ITEMS,
    description: 'One entry for each sku',
  })
  @IsArray({ message: 'must be a list of { sku, quantity }' })
  @ArrayMinSize(1, { message: 'is empty, a reservation has at least 1 item' })
  @IsObject({ each: true, message: 'must be a list of { sku, quantity }' })
  @ValidateNested({ each: true })
  @Type(() => ReservedItemDto)
  items!: ReservedItemDto[];
}

export class ReservationView {
  @ApiProperty()
  orderNo!: string;

  @ApiProperty({ enum: ['RESERVED', 'RELEASED'] })
  status!: ReservationStatus;
}
