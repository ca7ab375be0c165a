import { Body, Controller, Get, Headers, HttpCode, Param, Post, Res } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { FindOrder } from '../application/find-order.ts';
import { PayOrder } from '../application/pay-order.ts';
import { PlaceOrder } from '../application/place-order.ts';
import { idempotencyKeyOf } from '../domain/idempotency.ts';
import { OrderView, PlaceOrderDto, viewOf } from './order.dto.ts';

interface ReplyHeaders {
  header(name: string, value: string): unknown;
}

@ApiTags('orders')
@Controller('orders')
export class OrderController {
  constructor(
    private readonly placeOrder: PlaceOrder,
    private readonly payOrder: PayOrder,
    private readonly findOrder: FindOrder,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Places an order',
    description:
      'Sent again with the same Idempotency-Key and body, it gives the first answer again, with the header ' +
      'Idempotency-Replayed, and places nothing. A refused order leaves its key free.',
  })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: true,
    example: '5f0c1d9e-2b1a-4b7e-9a53-0e7d3c9b1f42',
  })
  @ApiCreatedResponse({ type: OrderView })
  @ApiBadRequestResponse({ description: 'Field by field, as application/problem+json' })
  @ApiConflictResponse({ description: 'The key stands for an order with another body' })
  async place(
    @Headers('idempotency-key') key: string | undefined,
    @Body() body: PlaceOrderDto,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<OrderView> {
    const { order, isReplay } = await this.placeOrder.execute({
      idempotencyKey: idempotencyKeyOf(key),
      userId: body.userId,
      lines: body.items,
    });
    reply.header('location', `/orders/${order.orderNo}`);
    if (isReplay) reply.header('idempotency-replayed', 'true');
    return viewOf(order);
  }

  @Post(':orderNo/pay')
  @HttpCode(200)
  @ApiOperation({ summary: 'Marks an order as paid; paying a paid order changes nothing' })
  @ApiOkResponse({ type: OrderView })
  @ApiNotFoundResponse()
  @ApiConflictResponse({
    description: 'The order is in a state that cannot be paid; the answer names it',
  })
  async pay(@Param('orderNo') orderNo: string): Promise<OrderView> {
    return viewOf(await this.payOrder.execute(orderNo));
  }

  @Get(':orderNo')
  @ApiOperation({ summary: 'Shows an order' })
  @ApiOkResponse({ type: OrderView })
  @ApiNotFoundResponse()
  async find(@Param('orderNo') orderNo: string): Promise<OrderView> {
    return viewOf(await this.findOrder.execute(orderNo));
  }
}
