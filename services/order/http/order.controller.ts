import { Body, Controller, Get, Headers, HttpCode, Param, Post, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
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
import { PlaceOrder } from '../application/place-order.ts';
import { RequestRefund } from '../application/request-refund.ts';
import { idempotencyKeyOf } from '../../common/idempotency-key.ts';
import {
  OrderView,
  PlaceOrderDto,
  RefundDto,
  RefundListView,
  RefundView,
  refundViewOf,
  viewOf,
} from './order.dto.ts';

interface ReplyHeaders {
  header(name: string, value: string): unknown;
}

@ApiTags('orders')
@Controller('orders')
export class OrderController {
  constructor(
    private readonly placeOrder: PlaceOrder,
    private readonly requestRefund: RequestRefund,
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
  @ApiConflictResponse({
    description:
      'Too little in stock, a coupon that cannot be used, or a key that stands for an order with another body',
  })
  async place(
    @Headers('idempotency-key') key: string | undefined,
    @Body() body: PlaceOrderDto,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<OrderView> {
    const { order, isReplay } = await this.placeOrder.execute({
      idempotencyKey: idempotencyKeyOf(key),
      userId: body.userId,
      lines: body.items,
      couponCode: body.couponCode,
    });
    reply.header('location', `/orders/${order.orderNo}`);
    if (isReplay) reply.header('idempotency-replayed', 'true');
    return viewOf(order);
  }

  @Get(':orderNo')
  @ApiOperation({ summary: 'Shows an order' })
  @ApiOkResponse({ type: OrderView })
  @ApiNotFoundResponse()
  async find(@Param('orderNo') orderNo: string): Promise<OrderView> {
    return viewOf(await this.findOrder.execute(orderNo));
  }

  @Post(':orderNo/refunds')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Begins to refund an order, or some items of it',
    description:
      'The order is REFUNDING until goods and money are back. Sent again with the same Idempotency-Key and body, it ' +
      'gives the refund again, with the header Idempotency-Replayed.',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: true })
  @ApiAcceptedResponse({ type: RefundView })
  @ApiBadRequestResponse({ description: 'Field by field, as application/problem+json' })
  @ApiNotFoundResponse()
  @ApiConflictResponse({
    description:
      'The order is in a state that cannot be refunded, or less is left of it; the answer says so',
  })
  async refund(
    @Param('orderNo') orderNo: string,
    @Headers('idempotency-key') key: string | undefined,
    @Body() body: RefundDto,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<RefundView> {
    const { refund, isReplay } = await this.requestRefund.execute({
      idempotencyKey: idempotencyKeyOf(key),
      orderNo,
      items: body.items,
    });
    if (isReplay) reply.header('idempotency-replayed', 'true');
    return refundViewOf(refund);
  }

  @Get(':orderNo/refunds')
  @ApiOperation({ summary: 'Shows the refunds of an order, oldest first' })
  @ApiOkResponse({ type: RefundListView })
  @ApiNotFoundResponse()
  async refunds(@Param('orderNo') orderNo: string): Promise<RefundListView> {
    const refunds = await this.findOrder.refundsOf(orderNo);
    return { items: refunds.map((refund) => refundViewOf(refund)) };
  }
}
