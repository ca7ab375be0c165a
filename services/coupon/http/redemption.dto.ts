import { ApiProperty } from '@nestjs/swagger';
import { Length, Matches } from 'class-validator';
import { textMessage } from '../../common/field-messages.ts';

export const keyPattern = /^[\x21-\x7e]{1,64}$/;

const keyMessage = textMessage('1 to 64 visible ASCII characters');

export class RedeemDto {
  @ApiProperty({ example: 'K7QW2M9XPB4DRT6H' })
  @Matches(/^[A-Z0-9]{16}$/, { message: textMessage('16 characters A-Z and 0-9') })
  code!: string;

  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  @Matches(keyPattern, { message: keyMessage })
  orderNo!: string;

  @ApiProperty({ example: 'user-1' })
  @Length(1, 128, { message: textMessage('1 to 128 characters') })
  userId!: string;

  @ApiProperty({ description: 'Of the transaction that places the order' })
  @Matches(keyPattern, { message: keyMessage })
  transactionKey!: string;
}

export class RedemptionView {
  @ApiProperty()
  code!: string;

  @ApiProperty({ description: 'The order that uses it' })
  orderNo!: string;

  @ApiProperty({ description: 'What it is worth, in minor units (cents)' })
  amountMinor!: number;

  @ApiProperty({ example: 'EUR' })
  currency!: string;
}

export class ReleaseView {
  @ApiProperty()
  orderNo!: string;

  @ApiProperty({ enum: ['RELEASED'] })
  status!: 'RELEASED';
}
