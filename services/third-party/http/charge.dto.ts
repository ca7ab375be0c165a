import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { ChargeStatus } from '../domain/charge-status.ts';
import type { Charge } from '../domain/charge.ts';
import { AmountMinor, CallbackUrl, Currency, Reference } from './field-rules.ts';

const statuses: ChargeStatus[] = ['PROCESSING', 'SUCCEEDED', 'FAILED', 'VOIDED'];

export class RequestNoDto {
  @Reference('PAY-20261120-7K3M9Q2T4VXA')
  requestNo!: string;
}

export class RequestChargeDto {
  @Reference('PAY-20261120-7K3M9Q2T4VXA')
  requestNo!: string;

  @AmountMinor()
  amountMinor!: number;

  @Currency()
  currency!: string;

  @CallbackUrl()
  callbackUrl!: string;
}

export class ChargeStatusView {
  @ApiProperty({ enum: statuses })
  status!: ChargeStatus;
}

export class AcceptedChargeView {
  @ApiProperty()
  requestNo!: string;

  @ApiProperty({ enum: statuses })
  status!: ChargeStatus;
}

export class ChargeView {
  @ApiProperty()
  requestNo!: string;

  @ApiProperty({ example: 'CH-7K3M9Q2T4VXA0B1C', description: 'The channel’s own number' })
  chargeNo!: string;

  @ApiProperty({ enum: statuses })
  status!: ChargeStatus;

  @ApiProperty({ description: 'In minor units (cents); 0 of one voided before it came' })
  amountMinor!: number;

  @ApiProperty({ description: 'In minor units (cents)' })
  refundedMinor!: number;

  @ApiProperty({ example: 'EUR', description: 'XXX of one voided before it came' })
  currency!: string;

  @ApiPropertyOptional({ format: 'date-time' })
  settledAt?: string;
}

export function viewOf(charge: Charge): ChargeView {
  const { requestNo, chargeNo, status, amountMinor, refundedMinor, currency, settledAt } = charge;
  const facts = { requestNo, chargeNo, status, amountMinor, refundedMinor, currency };
  return { ...facts, ...(settledAt ? { settledAt: settledAt.toISOString() } : {}) };
}
