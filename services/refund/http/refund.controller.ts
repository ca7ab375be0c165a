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
import { DomainError } from '../../common/errors.ts';
import { AdvanceRefund } from '../application/advance-refund.ts';
import { FindRefunds } from '../application/find-refunds.ts';
import { RefundListView, RefundQueryDto, RefundView, statuses, viewOf } from './refund.dto.ts';

@ApiTags('refunds')
@Controller('refunds')
export class RefundController {
  constructor(
    private readonly findRefunds: FindRefunds,
    private readonly advanceRefund: AdvanceRefund,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Lists refunds, oldest first, 200 at most: of an order, or all that are stuck',
  })
  @ApiOkResponse({ type: RefundListView })
  @ApiBadRequestResponse()
  async list(@Query() query: RefundQueryDto): Promise<RefundListView> {
    if (query.orderNo === undefined && query.status === undefined) throw nothingAskedFor();
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

/** Everybody's refunds since the shop was opened are no list that anybody could want. */
function nothingAskedFor(): DomainError {
  const message = `is missing: name an order, or a status (${statuses.join(', ')}), or both`;
  return new DomainError('REQUEST.INVALID', 'invalid', `orderNo ${message}`, {
    fields: [{ field: 'orderNo', message }],
  });
}
