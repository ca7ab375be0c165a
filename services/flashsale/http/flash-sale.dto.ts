import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, Matches, Max, Min, type ValidationArguments } from 'class-validator';
import { textMessage } from '../../common/field-messages.ts';
import {
  MAX_PER_USER_LIMIT,
  MAX_SALE_STOCK,
  type FlashSale,
  type FlashSaleState,
} from '../domain/flash-sale.ts';

/** With a zone: a time of somebody's own would start the sale at another. */
const timePattern =
  /^[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,3})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

const timeMessage = textMessage('a time as 2026-11-30T10:00:00Z');

function countMessage(max: number): (given: ValidationArguments) => string {
  return ({ value }) => {
    const allowed = `it must be a whole number from 1 to ${max}`;
    if (value === undefined) return `is missing, ${allowed}`;
    const isShort = typeof value === 'number' || value === null;
    return `is ${isShort ? String(value) : `a ${typeof value}`}, ${allowed}`;
  };
}

const stockMessage = countMessage(MAX_SALE_STOCK);
const limitMessage = countMessage(MAX_PER_USER_LIMIT);

export class OpenFlashSaleDto {
  @ApiProperty({ example: 'GRINDER-HAND' })
  @Matches(/^[A-Z0-9-]{1,32}$/, { message: textMessage('1 to 32 characters A-Z, 0-9 and -') })
  sku!: string;

  @ApiProperty({ example: 100, minimum: 1, maximum: MAX_SALE_STOCK, description: 'Pieces' })
  @IsInt({ message: stockMessage })
  @Min(1, { message: stockMessage })
  @Max(MAX_SALE_STOCK, { message: stockMessage })
  stock!: number;

  @ApiProperty({ example: 1, minimum: 1, maximum: MAX_PER_USER_LIMIT })
  @IsInt({ message: limitMessage })
  @Min(1, { message: limitMessage })
  @Max(MAX_PER_USER_LIMIT, { message: limitMessage })
  perUserLimit!: number;

  @ApiProperty({ format: 'date-time' })
  @Matches(timePattern, { message: timeMessage })
  startsAt!: string;

  @ApiProperty({ format: 'date-time', description: 'From then on it is over' })
  @Matches(timePattern, { message: timeMessage })
  endsAt!: string;
}

export class FlashSaleView {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  saleId!: string;

  @ApiProperty()
  sku!: string;

  @ApiProperty()
  stock!: number;

  @ApiProperty()
  perUserLimit!: number;

  @ApiProperty({ format: 'date-time' })
  startsAt!: string;

  @ApiProperty({ format: 'date-time' })
  endsAt!: string;

  @ApiProperty({ enum: ['OPEN', 'CLOSED'], description: 'CLOSED: ended by hand' })
  state!: FlashSaleState;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiPropertyOptional({ description: 'Pieces that somebody has, as far as the ledger has heard' })
  taken?: number;

  @ApiPropertyOptional({ description: 'Pieces that nobody has; absent while Redis cannot say' })
  remaining?: number;
}

export class FlashSaleListView {
  @ApiProperty({ type: [FlashSaleView] })
  items!: FlashSaleView[];
}

export class TicketView {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  ticketNo!: string;

  @ApiProperty()
  saleId!: string;

  @ApiProperty({ enum: ['QUEUED', 'ORDERED', 'REFUSED', 'RETURNED', 'VOID'] })
  status!: string;

  @ApiPropertyOptional({ description: 'Once there is an order' })
  orderNo?: string;

  @ApiPropertyOptional({ description: 'Why nothing came of it' })
  code?: string;

  @ApiPropertyOptional()
  reason?: string;
}

export function viewOf(sale: FlashSale & { taken?: number }, remaining?: number): FlashSaleView {
  const { startsAt, endsAt, createdAt, ...facts } = sale;
  return {
    ...facts,
    startsAt: startsAt.toISOString(),
    endsAt: endsAt.toISOString(),
    createdAt: createdAt.toISOString(),
    ...(remaining === undefined ? {} : { remaining }),
  };
}
