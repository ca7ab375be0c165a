import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { readBatch } from '../../common/request-batch.ts';
import type { FlashOrder } from '../application/place-flash-orders.ts';
import { MAX_BATCH_COUNT, MAX_LINE_QUANTITY } from '../domain/order.ts';

const documentNo = /^\d{8}-[0-9A-HJKMNP-TV-Z]{12}$/;
const aDocumentNo = 'a number as 20261120-7K3M9Q2T4VXA';

/** An order that a flash sale has admitted; documentation only, as `FlashOrdersDto`. */
export class FlashOrderDto {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA', description: 'The order gets this number' })
  ticketNo!: string;

  @ApiProperty({ example: '20261120-9Q2T4VXA7K3M' })
  saleId!: string;

  @ApiProperty({ example: 'GRINDER-HAND' })
  sku!: string;

  @ApiProperty({ example: 'user-1' })
  userId!: string;

  @ApiProperty({ minimum: 1, maximum: MAX_LINE_QUANTITY })
  quantity!: number;
}

/** What the batch is documented as; it is read by `flashOrdersOf`. */
export class FlashOrdersDto {
  @ApiProperty({ type: [FlashOrderDto], minItems: 1, maxItems: MAX_BATCH_COUNT })
  orders!: FlashOrderDto[];
}

/** Errors: REQUEST.INVALID naming each field. */
export function flashOrdersOf(body: unknown): FlashOrder[] {
  const list = { field: 'orders', maxCount: MAX_BATCH_COUNT, key: 'ticketNo' } as const;
  return readBatch<FlashOrder>(body, list, (entry) => ({
    ticketNo: entry.text('ticketNo', documentNo, aDocumentNo),
    saleId: entry.text('saleId', documentNo, aDocumentNo),
    sku: entry.text('sku', /^[A-Z0-9-]{1,32}$/, '1 to 32 characters A-Z, 0-9 and -'),
    userId: entry.text('userId', /^[\w.@-]{1,64}$/, '1 to 64 letters, digits or one of . _ @ -'),
    quantity: entry.wholeNumber('quantity', 1, MAX_LINE_QUANTITY),
  }));
}

export class FlashOrderOutcomeView {
  @ApiProperty()
  ticketNo!: string;

  @ApiProperty({ enum: ['ORDERED', 'REFUSED'] })
  status!: 'ORDERED' | 'REFUSED';

  @ApiPropertyOptional({ example: 'STOCK.INSUFFICIENT' })
  code?: string;

  @ApiPropertyOptional()
  reason?: string;
}

export class FlashOrdersView {
  @ApiProperty({ type: [FlashOrderOutcomeView] })
  items!: FlashOrderOutcomeView[];
}
