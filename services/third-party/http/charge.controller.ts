import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { FindCharge } from '../application/find-charge.ts';
import { RequestCharge } from '../application/request-charge.ts';
import { VoidCharge } from '../application/void-charge.ts';
import {
  AcceptedChargeView,
  ChargeStatusView,
  ChargeView,
  RequestChargeDto,
  RequestNoDto,
  viewOf,
} from './charge.dto.ts';
import { LostAnswers, type LosableReply } from './lost-answers.ts';

@ApiTags('channel')
@Controller('charges')
export class ChargeController {
  constructor(
    private readonly requestCharge: RequestCharge,
    private readonly findCharge: FindCharge,
    private readonly voidCharge: VoidCharge,
    private readonly lostAnswers: LostAnswers,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Takes a charge, settled later and told of by a signed callback',
    description: 'The same requestNo again is the same charge, as far as it has got.',
  })
  @ApiAcceptedResponse({ type: AcceptedChargeView })
  @ApiBadRequestResponse()
  @ApiConflictResponse({ description: 'CHANNEL.REQUEST_REUSED, CHANNEL.VOIDED' })
  async request(
    @Body() body: RequestChargeDto,
    @Res({ passthrough: true }) reply: LosableReply,
  ): Promise<AcceptedChargeView> {
    const { requestNo, status } = await this.requestCharge.execute(body);
    await this.lostAnswers.maybeLose('channel', requestNo, reply);
    return { requestNo, status };
  }

  @Get(':requestNo')
  @ApiOperation({ summary: 'Shows a charge' })
  @ApiOkResponse({ type: ChargeView })
  @ApiNotFoundResponse()
  async find(@Param() { requestNo }: RequestNoDto): Promise<ChargeView> {
    return viewOf(await this.findCharge.execute(requestNo));
  }

  @Post(':requestNo/void')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Makes sure that a charge never happens, also one that has not come yet',
    description: 'A FAILED one stays FAILED.',
  })
  @ApiOkResponse({ type: ChargeStatusView })
  @ApiConflictResponse({ description: 'CHANNEL.SETTLED: it has succeeded' })
  async void(@Param() { requestNo }: RequestNoDto): Promise<ChargeStatusView> {
    const { status } = await this.voidCharge.execute(requestNo);
    return { status };
  }
}
