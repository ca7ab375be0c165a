import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { idempotencyKeyOf } from '../../common/idempotency-key.ts';
import { FindPayments } from '../application/find-payments.ts';
import { RequestPayment } from '../application/request-payment.ts';
import {
  PaymentListView,
  PaymentQueryDto,
  PaymentView,
  RequestPaymentDto,
  viewOf,
} from './payment.dto.ts';

interface ReplyHeaders {
  header(name: string, value: string): unknown;
}

@ApiTags('payments')
@Controller('payments')
export class PaymentController {
  constructor(
    private readonly requestPayment: RequestPayment,
    private readonly findPayments: FindPayments,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Begins to have an order paid; how it goes the payment tells later',
    description:
      'Sent again with the same Idempotency-Key and body, it gives the payment again, with the header ' +
      'Idempotency-Replayed, and begins nothing. A refused payment leaves its key free.',
  })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: true,
    example: '5f0c1d9e-2b1a-4b7e-9a53-0e7d3c9b1f42',
  })
  @ApiAcceptedResponse({ type: PaymentView })
  @ApiBadRequestResponse({ description: 'Field by field, as application/problem+json' })
  @ApiNotFoundResponse({ description: 'There is no such order' })
  @ApiConflictResponse({
    description:
      'PAYMENT.NOT_PAYABLE naming the state of the order; PAYMENT.UNDER_WAY or PAYMENT.ALREADY_PAID naming the payment ' +
      'it has; a key that stands for the payment of another order',
  })
  @ApiServiceUnavailableResponse({ description: 'The order service does not answer' })
  async request(
    @Headers('idempotency-key') key: string | undefined,
    @Body() body: RequestPaymentDto,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<PaymentView> {
    const { paymentNo, isReplay } = await this.requestPayment.execute({
      idempotencyKey: idempotencyKeyOf(key),
      orderNo: body.orderNo,
    });
    reply.header('location', `/payments/${paymentNo}`);
    if (isReplay) reply.header('idempotency-replayed', 'true');
    return viewOf(await this.findPayments.one(paymentNo));
  }

  @Get()
  @ApiOperation({ summary: 'Shows the payments of an order, newest first' })
  @ApiOkResponse({ type: PaymentListView })
  @ApiBadRequestResponse()
  async list(@Query() query: PaymentQueryDto): Promise<PaymentListView> {
    const payments = await this.findPayments.ofOrder(query.orderNo);
    return { items: payments.map((payment) => viewOf(payment)) };
  }

  @Get(':paymentNo')
  @ApiOperation({ summary: 'Shows a payment' })
  @ApiOkResponse({ type: PaymentView })
  @ApiNotFoundResponse()
  async find(@Param('paymentNo') paymentNo: string): Promise<PaymentView> {
    return viewOf(await this.findPayments.one(paymentNo));
  }
}
