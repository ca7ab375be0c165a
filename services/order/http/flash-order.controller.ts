import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiBody,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { PlaceFlashOrders } from '../application/place-flash-orders.ts';
import { FlashOrdersDto, flashOrdersOf, FlashOrdersView } from './flash-order.dto.ts';

@ApiTags('for other services')
@Controller('flash-orders')
export class FlashOrderController {
  constructor(private readonly placeFlashOrders: PlaceFlashOrders) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Places the orders of tickets of a flash sale, each under its ticket’s number',
    description:
      'The answer says of each ticket, in their order, what became of it. Sent again it places nothing twice and gives the ' +
      'same answer. Who sends it must do so until it is answered.',
  })
  @ApiBody({ type: FlashOrdersDto })
  @ApiOkResponse({ type: FlashOrdersView })
  @ApiBadRequestResponse({ description: 'Field by field, as application/problem+json' })
  @ApiServiceUnavailableResponse({ description: 'Some of it may be done: to be sent again' })
  async place(@Body() body: unknown): Promise<FlashOrdersView> {
    return { items: await this.placeFlashOrders.execute(flashOrdersOf(body)) };
  }
}
