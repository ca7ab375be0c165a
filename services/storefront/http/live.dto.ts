import { ApiProperty } from '@nestjs/swagger';
import { IsArray, IsBoolean, Matches } from 'class-validator';

const MAX_WATCHED_ORDERS = 20;
const orderNoMessage = 'must be order numbers, as 20261120-7K3M9Q2T4VXA';

export class WatchedDto {
  static readonly listLimits = { orderNos: MAX_WATCHED_ORDERS };

  @ApiProperty({ type: [String], maxItems: MAX_WATCHED_ORDERS })
  @IsArray({ message: 'must be a list of order numbers' })
  @Matches(/^\d{8}-[0-9A-HJKMNP-TV-Z]{12}$/, { each: true, message: orderNoMessage })
  orderNos!: string[];

  @ApiProperty()
  @IsBoolean({ message: 'must be true or false' })
  isQueueSideShown!: boolean;
}
