import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { DomainError } from '../../common/errors.ts';
import { ReleaseReservation } from '../application/release-reservation.ts';
import { ReserveStock } from '../application/reserve-stock.ts';
import { keyPattern, ReservationView, ReserveDto } from './reservation.dto.ts';

@ApiTags('for other services')
@Controller('reservations')
export class ReservationController {
  constructor(
    private readonly reserveStock: ReserveStock,
    private readonly releaseReservation: ReleaseReservation,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Sets goods aside for an order that is about to be placed, all of them or none',
    description:
      'Sent again with the same body it has no further effect and the same answer. What no order comes to be for is let ' +
      'go by itself after a while.',
  })
  @ApiOkResponse({ type: ReservationView })
  @ApiBadRequestResponse({ description: 'Field by field, as application/problem+json' })
  @ApiConflictResponse({
    description:
      'Too little in stock: each such sku with what is wanted and what there is; or the order was given up (STOCK.RELEASED); ' +
      'or it has another reservation',
  })
  async reserve(@Body() body: ReserveDto): Promise<ReservationView> {
    await this.reserveStock.execute(body);
    return { orderNo: body.orderNo, status: 'RESERVED' };
  }

  @Post(':orderNo/release')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Lets go what was set aside for an order that will not be',
    description: 'Where nothing is set aside yet, a reservation that comes later is refused.',
  })
  @ApiOkResponse({ type: ReservationView })
  @ApiBadRequestResponse()
  @ApiConflictResponse({ description: 'The order was placed, or is even paid' })
  async release(@Param('orderNo') orderNo: string): Promise<ReservationView> {
    if (!keyPattern.test(orderNo)) {
      throw new DomainError('REQUEST.INVALID', 'invalid', 'that is no order number', {
        fields: [{ field: 'orderNo', message: 'must be 1 to 64 visible ASCII characters' }],
      });
    }
    await this.releaseReservation.execute(orderNo);
    return { orderNo, status: 'RELEASED' };
  }
}
