import { Controller, Headers, HttpCode, Post, Req } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiBody,
  ApiConflictResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import type { RequestWithRawBody } from '../../common/http-service.ts';
import {
  CHANNEL_SIGNATURE_HEADER,
  CHANNEL_TIMESTAMP_HEADER,
} from '../../contracts/channel-callback.ts';
import { TakeCallback } from '../application/take-callback.ts';
import { CallbackTakenView } from './payment.dto.ts';

/** Where the payment channel tells how a charge went. Nobody is let in by an address, only by a signature. */
@ApiTags('for the payment channel')
@Controller('channel-callbacks')
export class ChannelCallbackController {
  constructor(private readonly takeCallback: TakeCallback) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Takes the channel’s word on how a charge went',
    description:
      'A callback that comes again under a new nonce is a duplicate, and taken; the very same one again is refused.',
  })
  @ApiHeader({ name: CHANNEL_TIMESTAMP_HEADER, required: true, description: 'ms since the epoch' })
  @ApiHeader({
    name: CHANNEL_SIGNATURE_HEADER,
    required: true,
    description: 'HMAC-SHA256 in hex over "<timestamp>.<body as sent>"',
  })
  @ApiBody({
    schema: {
      type: 'object',
      required: [
        'nonce',
        'requestNo',
        'chargeNo',
        'outcome',
        'amountMinor',
        'currency',
        'settledAt',
      ],
      properties: {
        nonce: { type: 'string', format: 'uuid' },
        requestNo: { type: 'string', description: 'The payment number' },
        chargeNo: { type: 'string' },
        outcome: { type: 'string', enum: ['SUCCEEDED', 'FAILED'] },
        amountMinor: { type: 'integer' },
        currency: { type: 'string' },
        settledAt: { type: 'string', format: 'date-time' },
      },
    },
  })
  @ApiOkResponse({ type: CallbackTakenView })
  @ApiBadRequestResponse({ description: 'Signed, and cannot be read' })
  @ApiUnauthorizedResponse({ description: 'CALLBACK.FORGED, CALLBACK.STALE' })
  @ApiNotFoundResponse({ description: 'There is no such payment' })
  @ApiConflictResponse({
    description: 'CALLBACK.REPLAYED; CALLBACK.WRONG_AMOUNT; PAYMENT.CONTRADICTION naming the state',
  })
  async take(
    @Headers(CHANNEL_TIMESTAMP_HEADER) timestampMs: string | undefined,
    @Headers(CHANNEL_SIGNATURE_HEADER) signature: string | undefined,
    @Req() request: RequestWithRawBody,
  ): Promise<CallbackTakenView> {
    const { rawBody = '' } = request;
    return { result: await this.takeCallback.execute({ timestampMs, signature, rawBody }) };
  }
}
