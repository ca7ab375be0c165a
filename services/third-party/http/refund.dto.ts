import { ApiProperty } from '@nestjs/swagger';
import { AmountMinor, Currency, Reference } from './field-rules.ts';

export class RefundDto {
  @Reference('REF-20261120-7K3M9Q2T4VXA')
  refundNo!: string;

  @Reference('PAY-20261120-7K3M9Q2T4VXA')
  requestNo!: string;

  @AmountMinor()
  amountMinor!: number;

  @Currency()
  currency!: string;
}

export class RefundView {
  @ApiProperty()
  refundNo!: string;

  @ApiProperty({ enum: ['SUCCEEDED'] })
  status!: 'SUCCEEDED';
}
