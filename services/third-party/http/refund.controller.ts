import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { RefundCharge } from '../application/refund-charge.ts';
import { LostAnswers, type LosableReply } from './lost-answers.ts';
import { RefundDto, RefundView } from './refund.dto.ts';

@ApiTags('channel')
@Controller('refunds')
export class RefundController {
  constructor(
    private readonly refundCharge: RefundCharge,
    private readonly lostAnswers: LostAnswers,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Gives back a charge or a part of it, once for each refundNo' })
  @ApiOkResponse({ type: RefundView })
  @ApiBadRequestResponse()
  @ApiConflictResponse({
    description: 'CHANNEL.OVER_REFUND, CHANNEL.NOT_CHARGED, CHANNEL.REQUEST_REUSED',
  })
  @ApiServiceUnavailableResponse({ description: 'CHANNEL.UNAVAILABLE, as it was told to' })
  async refund(
    @Body() body: RefundDto,
    @Res({ passthrough: true }) reply: LosableReply,
  ): Promise<RefundView> {
    await this.refundCharge.execute(body);
    await this.lostAnswers.maybeLose('channel', body.requestNo, reply);
    return { refundNo: body.refundNo, status: 'SUCCEEDED' };
  }
}
