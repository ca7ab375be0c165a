import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { readBatch } from '../../common/request-batch.ts';
import { reservationOutcomes, type ReservationOutcome } from '../application/reserve-batch.ts';
import { MAX_BATCH_COUNT, MAX_ITEM_QUANTITY, MAX_ITEMS } from '../domain/reservation.ts';
import type { NewReservation } from '../persistence/reservation.repository.ts';
import { keyPattern, ReserveDto } from './reservation.dto.ts';

const aKey = '1 to 64 visible ASCII characters';

/** What the batch is documented as; it is read by `reservationsOf`. */
export class ReservationBatchDto {
  @ApiProperty({ type: [ReserveDto], minItems: 1, maxItems: MAX_BATCH_COUNT })
  reservations!: ReserveDto[];
}

/** Errors: REQUEST.INVALID naming each field. */
export function reservationsOf(body: unknown): NewReservation[] {
  const list = { field: 'reservations', maxCount: MAX_BATCH_COUNT, key: 'orderNo' } as const;
  return readBatch<NewReservation>(body, list, (entry) => ({
    orderNo: entry.text('orderNo', keyPattern, aKey),
    transactionKey: entry.text('transactionKey', keyPattern, aKey),
    items: entry.list('items', MAX_ITEMS, (item) => ({
      sku: item.text('sku', /^[A-Z0-9-]{1,32}$/, '1 to 32 characters A-Z, 0-9 and -'),
      quantity: item.wholeNumber('quantity', 1, MAX_ITEM_QUANTITY),
    })),
  }));
}

export class ReservationOutcomeView {
  @ApiProperty()
  orderNo!: string;

  @ApiProperty({ enum: reservationOutcomes })
  status!: ReservationOutcome['status'];

  @ApiPropertyOptional({ description: 'Why nothing is set aside' })
  reason?: string;
}

export class ReservationBatchView {
  @ApiProperty({ type: [ReservationOutcomeView] })
  items!: ReservationOutcomeView[];
}
