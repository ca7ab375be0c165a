import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { AdvanceRefund } from '../application/advance-refund.ts';
import { FindRefunds } from '../application/find-refunds.ts';
import { RefundListView, RefundQueryDto, RefundView, viewOf } from './refund.dto.ts';

@ApiTags('refunds')
@Controller('refunds')
export class RefundController {
  constructor(
    private readonly findRefunds: FindRefunds,
    private readonly advanceRefund: AdvanceRefund,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Lists refunds, oldest first: of an order, or all that are stuck' })
  @ApiOkResponse({ type: RefundListView })
  @ApiBadRequestResponse()
  async list(@Query() query: RefundQueryDto): Promise<RefundListView> {
    const refunds = await this.findRefunds.all(query);
    return { items: refunds.map((refund) => viewOf(refund)) };
  }

  @Get(':refundNo')
  @ApiOperation({ summary: 'Shows a refund, step by step' })
  @ApiOkResponse({ type: RefundView })
  @ApiNotFoundResponse()
  async find(@Param('refundNo') refundNo: string): Promise<RefundView> {
    return viewOf(await this.findRefunds.one(refundNo));
  }

  @Post(':refundNo/retry')
  @HttpCode(202)
  @ApiOperation({ summary: 'Has the step that failed tried again' })
  @ApiAcceptedResponse({ type: RefundView })
  @ApiNotFoundResponse()
  @ApiConflictResponse({ description: 'It is not stuck; the answer names its state' })
  async retry(@Param('refundNo') refundNo: string): Promise<RefundView> {
    await this.advanceRefund.byRetry(refundNo);
    return viewOf(await this.findRefunds.one(refundNo));
  }
}
