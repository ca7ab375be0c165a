import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, Matches } from 'class-validator';
import { stepNames } from '../domain/refund-saga.ts';
import type { Refund } from '../domain/refund.ts';

export const statuses = ['RUNNING', 'STUCK', 'COMPLETED'] as const;

export class RefundQueryDto {
  @ApiPropertyOptional({ example: '20261120-7K3M9Q2T4VXA' })
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,64}$/, { message: 'must be an order number' })
  orderNo?: string;

  @ApiPropertyOptional({ enum: statuses })
  @IsOptional()
  @IsIn(statuses, { message: `must be one of ${statuses.join(', ')}` })
  status?: (typeof statuses)[number];
}

export class RefundStepView {
  @ApiProperty({ enum: stepNames })
  name!: string;

  @ApiProperty({ enum: ['WAITING', 'DUE', 'DONE', 'FAILED'] })
  status!: string;

  @ApiProperty({ description: 'How often it was asked for' })
  tryCount!: number;

  @ApiProperty({ description: 'How it was done, or why not' })
  note!: string;
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

  @ApiProperty({ enum: statuses })
  status!: string;

  @ApiProperty({ description: 'In minor units' })
  refundMinor!: number;

  @ApiProperty()
  currency!: string;

  @ApiProperty({ type: [RefundedItemView] })
  items!: readonly RefundedItemView[];

  @ApiProperty({ type: [RefundStepView], description: 'In the order in which they are done' })
  steps!: readonly RefundStepView[];

  @ApiProperty({ format: 'date-time' })
  requestedAt!: string;

  @ApiPropertyOptional({ format: 'date-time' })
  completedAt?: string;
}

export class RefundListView {
  @ApiProperty({ type: [RefundView] })
  items!: RefundView[];
}

export function viewOf(refund: Refund): RefundView {
  const { refundNo, orderNo, reason, status, refundMinor, currency, items, steps } = refund;
  return {
    refundNo,
    orderNo,
    reason,
    status,
    refundMinor,
    currency,
    items,
    steps,
    requestedAt: refund.requestedAt.toISOString(),
    ...(refund.completedAt ? { completedAt: refund.completedAt.toISOString() } : {}),
  };
}
