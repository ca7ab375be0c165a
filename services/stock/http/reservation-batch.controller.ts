import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiBody,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { ReserveBatch } from '../application/reserve-batch.ts';
import {
  ReservationBatchDto,
  ReservationBatchView,
  reservationsOf,
} from './reservation-batch.dto.ts';

@ApiTags('for other services')
@Controller('reservation-batches')
export class ReservationBatchController {
  constructor(private readonly reserveBatch: ReserveBatch) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Sets goods aside for many orders, for each of them all or none',
    description:
      'One transaction; the answer says of each order, in their order, what became of it. Sent again it has no further ' +
      'effect and the same answer. Nothing is let go by itself: whoever asks must place the orders, or ask again.',
  })
  @ApiBody({ type: ReservationBatchDto })
  @ApiOkResponse({ type: ReservationBatchView })
  @ApiBadRequestResponse({ description: 'Field by field, as application/problem+json' })
  async reserve(@Body() body: unknown): Promise<ReservationBatchView> {
    return { items: await this.reserveBatch.execute(reservationsOf(body)) };
  }
}
