import { Body, Controller, Headers, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { RequestWithRawBody } from '../../common/http-service.ts';
import { BringBack } from '../application/bring-back.ts';
import { ShopServices } from '../application/shop-services.ts';
import { sendOn, type AnswerReply } from './passed-on.ts';

/** What a customer does. The services' own answers, their refusals too, are passed on as they are. */
@ApiTags('orders')
@ApiServiceUnavailableResponse({ description: 'The service that is named does not answer' })
@Controller('api/orders')
export class OrderController {
  constructor(
    private readonly services: ShopServices,
    private readonly bringBack: BringBack,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Places an order, at the order service' })
  @ApiHeader({ name: 'Idempotency-Key', required: true })
  @ApiCreatedResponse()
  async place(
    @Headers('idempotency-key') key: string | undefined,
    @Req() { rawBody }: RequestWithRawBody,
    @Res() reply: AnswerReply,
  ): Promise<void> {
    const request = { method: 'POST', path: '/orders', body: rawBody, headers: keyed(key) };
    sendOn(reply, await this.services.pass('order', request));
  }

  @Post(':orderNo/payments')
  @ApiOperation({ summary: 'Pays an order, at the payment service' })
  @ApiHeader({ name: 'Idempotency-Key', required: true })
  @ApiAcceptedResponse()
  async pay(
    @Param('orderNo') orderNo: string,
    @Headers('idempotency-key') key: string | undefined,
    @Res() reply: AnswerReply,
  ): Promise<void> {
    const body = JSON.stringify({ orderNo });
    const request = { method: 'POST', path: '/payments', body, headers: keyed(key) };
    sendOn(reply, await this.services.pass('payment', request));
  }

  @Post(':orderNo/refunds')
  @ApiOperation({ summary: 'Refunds an order, or some items of it, at the order service' })
  @ApiHeader({ name: 'Idempotency-Key', required: true })
  @ApiAcceptedResponse()
  async refund(
    @Param('orderNo') orderNo: string,
    @Headers('idempotency-key') key: string | undefined,
    @Req() { rawBody }: RequestWithRawBody,
    @Res() reply: AnswerReply,
  ): Promise<void> {
    const path = `/orders/${encodeURIComponent(orderNo)}/refunds`;
    const request = { method: 'POST', path, body: rawBody ?? '{}', headers: keyed(key) };
    sendOn(reply, await this.services.pass('order', request));
  }

  @Post(':orderNo/returns')
  @HttpCode(200)
  @ApiOperation({
    summary: 'The goods of a refund come back, as the warehouse notes when the parcel arrives',
    description: 'A refund of an order that had been shipped waits for this.',
  })
  @ApiOkResponse()
  async return(
    @Param('orderNo') orderNo: string,
    @Body() _body: object,
  ): Promise<{ received: number }> {
    return { received: await this.bringBack.execute(orderNo) };
  }
}

function keyed(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { 'idempotency-key': key };
}
