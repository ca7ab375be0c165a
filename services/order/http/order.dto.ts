import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMinSize,
  IsArray,
  IsInt,
  IsObject,
  IsOptional,
  Matches,
  Max,
  Min,
  ValidateNested,
  type ValidationArguments,
} from 'class-validator';
import type { OrderRefund } from '../domain/order-refund.ts';
import { orderStatuses } from '../domain/order-status.ts';
import { MAX_LINE_QUANTITY, MAX_ORDER_LINES, type Order } from '../domain/order.ts';

/** Says what came, beside what is allowed: of anything but a number only its kind, which may be long otherwise. */
function quantityMessage({ value }: ValidationArguments): string {
  if (value === undefined)
    return `is missing, it must be a whole number from 1 to ${MAX_LINE_QUANTITY}`;
  const isShort = typeof value === 'number' || value === null;
  return `is ${isShort ? String(value) : `a ${typeof value}`}, it must be a whole number from 1 to ${MAX_LINE_QUANTITY}`;
}

export class OrderLineDto {
  @ApiProperty({ example: 'TEA-GREEN-100' })
  @Matches(/^[A-Z0-9-]{1,32}$/, { message: 'must be 1 to 32 characters A-Z, 0-9 and -' })
  sku!: string;

  @ApiProperty({ example: 2, minimum: 1, maximum: MAX_LINE_QUANTITY })
  @IsInt({ message: quantityMessage })
  @Min(1, { message: quantityMessage })
  @Max(MAX_LINE_QUANTITY, { message: quantityMessage })
  quantity!: number;
}

export class PlaceOrderDto {
  static readonly listLimits = { items: MAX_ORDER_LINES };

  @ApiProperty({ example: 'user-1' })
  @Matches(/^[\w.@-]{1,64}$/, { message: 'must be 1 to 64 letters, digits or one of . _ @ -' })
  userId!: string;

  @ApiProperty({ type: [OrderLineDto], minItems: 1, maxItems: MAX_ORDER_LINES })
  @IsArray({ message: 'must be a list of { sku, quantity }' })
  @ArrayMinSize(1, { message: 'is empty, an order has at least 1 item' })
  @IsObject({ each: true, message: 'must be a list of { sku, quantity }' })
  @ValidateNested({ each: true })
  @Type(() => OrderLineDto)
  items!: OrderLineDto[];

  @ApiPropertyOptional({ example: 'K7QW2M9XPB4DRT6H', description: 'Of an earlier order' })
  @IsOptional()
  @Matches(/^[A-Z0-9]{16}$/, { message: 'must be the 16 characters of a coupon' })
  couponCode?: string;
}

/** Of an order: which items, and how many of each. */
export class RefundDto {
  static readonly listLimits = { items: MAX_ORDER_LINES };

  @ApiPropertyOptional({
    type: [OrderLineDto],
    minItems: 1,
    maxItems: MAX_ORDER_LINES,
    description: 'What comes back; without it all that is left of the order',
  })
  @IsOptional()
  @IsArray({ message: 'must be a list of { sku, quantity }' })
  @ArrayMinSize(1, { message: 'is empty; leave it out to refund all that is left' })
  @IsObject({ each: true, message: 'must be a list of { sku, quantity }' })
  @ValidateNested({ each: true })
  @Type(() => OrderLineDto)
  items?: OrderLineDto[];
}

export class OrderItemView {
  @ApiProperty()
  sku!: string;

  @ApiProperty()
  quantity!: number;

  @ApiProperty({ description: 'In minor units, as it was when the order was placed' })
  unitPriceMinor!: number;
}

export class OrderView {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  orderNo!: string;

  @ApiProperty()
  userId!: string;

  @ApiPropertyOptional({ description: 'Of the flash sale it was placed in' })
  saleId?: string;

  @ApiProperty({ enum: orderStatuses })
  status!: string;

  @ApiProperty({ description: 'What the coupon takes off, in minor units' })
  discountMinor!: number;

  @ApiPropertyOptional()
  couponCode?: string;

  @ApiProperty({ description: 'What is to be paid, in minor units (cents)', example: 1_380 })
  totalMinor!: number;

  @ApiProperty({ example: 'EUR' })
  currency!: string;

  @ApiProperty({ type: [OrderItemView] })
  items!: readonly OrderItemView[];

  @ApiProperty({ format: 'date-time' })
  placedAt!: string;

  @ApiPropertyOptional({ format: 'date-time' })
  paidAt?: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description: 'When it was given up: nobody had paid',
  })
  closedAt?: string;

  @ApiPropertyOptional()
  paymentNo?: string;

  @ApiPropertyOptional({ format: 'date-time' })
  shippedAt?: string;

  @ApiPropertyOptional()
  trackingNo?: string;
}

export class RefundedItemView {
  @ApiProperty()
  sku!: string;

  @ApiProperty()
  quantity!: number;
}

export class RefundView {
  @ApiProperty({ example: '20261120-9Q2T4VXA7K3M' })
  refundNo!: string;

  @ApiProperty()
  orderNo!: string;

  @ApiProperty({ enum: ['CUSTOMER', 'LATE_PAYMENT'] })
  reason!: string;

  @ApiProperty({ description: 'In minor units' })
  amountMinor!: number;

  @ApiProperty({ type: [RefundedItemView] })
  items!: readonly RefundedItemView[];

  @ApiProperty({ description: 'Nothing of the order is left unrefunded after this' })
  isWhole!: boolean;

  @ApiProperty({ format: 'date-time' })
  requestedAt!: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Absent until every step is done' })
  completedAt?: string;
}

export class RefundListView {
  @ApiProperty({ type: [RefundView] })
  items!: RefundView[];
}

export function viewOf(order: Order): OrderView {
  const { placedAt, paidAt, closedAt, shippedAt, ...facts } = order;
  return {
    ...facts,
    placedAt: placedAt.toISOString(),
    ...(paidAt ? { paidAt: paidAt.toISOString() } : {}),
    ...(closedAt ? { closedAt: closedAt.toISOString() } : {}),
    ...(shippedAt ? { shippedAt: shippedAt.toISOString() } : {}),
  };
}

export function refundViewOf(refund: OrderRefund): RefundView {
  const { paymentNo: _paymentNo, requestedAt, completedAt, ...facts } = refund;
  return {
    ...facts,
    requestedAt: requestedAt.toISOString(),
    ...(completedAt ? { completedAt: completedAt.toISOString() } : {}),
  };
}
