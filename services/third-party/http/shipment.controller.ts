import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { CancelShipment } from '../application/cancel-shipment.ts';
import { FindShipment } from '../application/find-shipment.ts';
import { RequestShipment } from '../application/request-shipment.ts';
import { RequestNoDto } from './charge.dto.ts';
import { LostAnswers, type LosableReply } from './lost-answers.ts';
import { CancelledShipmentView, RequestShipmentDto, ShipmentView, viewOf } from './shipment.dto.ts';

@ApiTags('carrier')
@Controller('shipments')
export class ShipmentController {
  constructor(
    private readonly requestShipment: RequestShipment,
    private readonly cancelShipment: CancelShipment,
    private readonly findShipment: FindShipment,
    private readonly lostAnswers: LostAnswers,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Takes a shipment; the same requestNo again is the same shipment' })
  @ApiOkResponse({ type: ShipmentView })
  @ApiBadRequestResponse()
  @ApiConflictResponse({ description: 'CARRIER.CANCELLED, CARRIER.REQUEST_REUSED' })
  @ApiServiceUnavailableResponse({ description: 'CARRIER.UNAVAILABLE, as it was told to' })
  async request(
    @Body() body: RequestShipmentDto,
    @Res({ passthrough: true }) reply: LosableReply,
  ): Promise<ShipmentView> {
    const shipment = await this.requestShipment.execute(body);
    await this.lostAnswers.maybeLose('carrier', shipment.requestNo, reply);
    return viewOf(shipment);
  }

  @Get(':requestNo')
  @ApiOperation({ summary: 'Shows a shipment' })
  @ApiOkResponse({ type: ShipmentView })
  @ApiNotFoundResponse()
  async find(@Param() { requestNo }: RequestNoDto): Promise<ShipmentView> {
    return viewOf(await this.findShipment.execute(requestNo));
  }

  @Post(':requestNo/cancel')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Makes sure that a shipment never leaves, also one that has not come yet',
  })
  @ApiOkResponse({ type: CancelledShipmentView })
  @ApiConflictResponse({ description: 'CARRIER.SHIPPED: it has left' })
  async cancel(@Param() { requestNo }: RequestNoDto): Promise<CancelledShipmentView> {
    await this.cancelShipment.execute(requestNo);
    return { status: 'CANCELLED' };
  }
}
