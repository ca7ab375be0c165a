import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import type { PaymentState } from '../application/find-payments.ts';
import { paymentStatuses } from '../domain/payment-status.ts';

const orderNoMessage =
  'must be an order number: 8 digits, - and 12 characters, as 20261120-7K3M9Q2T4VXA';

export class RequestPaymentDto {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  @Matches(/^\d{8}-[0-9A-HJKMNP-TV-Z]{12}$/, { message: orderNoMessage })
  orderNo!: string;
}

export class PaymentQueryDto {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  @Matches(/^[\x21-\x7e]{1,64}$/, { message: 'must be an order number' })
  orderNo!: string;
}

export class PaymentView {
  @ApiProperty({ example: '20261120-9Q2T4VXA7K3M' })
  paymentNo!: string;

  @ApiProperty()
  orderNo!: string;

  @ApiProperty({ enum: paymentStatuses })
  status!: string;

  @ApiProperty({ description: 'In minor units (cents)', example: 1_380 })
  amountMinor!: number;

  @ApiProperty({ description: 'What of it has gone back, in minor units' })
  refundedMinor!: number;

  @ApiProperty({ example: 'EUR' })
  currency!: string;

  @ApiPropertyOptional({
    description: 'The channel’s own number, known when it has told how it went',
  })
  chargeNo?: string;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Absent while it is PROCESSING' })
  settledAt?: string;

  @ApiPropertyOptional({ description: 'Why it FAILED, for people' })
  failure?: string;
}

export class PaymentListView {
  @ApiProperty({ type: [PaymentView] })
  items!: PaymentView[];
}

export class CallbackTakenView {
  @ApiProperty({ enum: ['settled', 'duplicate'] })
  result!: 'settled' | 'duplicate';
}

export function viewOf({ createdAt, settledAt, ...facts }: PaymentState): PaymentView {
  return {
    ...facts,
    createdAt: createdAt.toISOString(),
    ...(settledAt ? { settledAt: settledAt.toISOString() } : {}),
  };
}
