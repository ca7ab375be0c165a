import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { FindShipments } from '../application/find-shipments.ts';
import { ReceiveReturn } from '../application/receive-return.ts';
import {
  GoodsReturnView,
  ReturnReceiptDto,
  returnViewOf,
  ShipmentListView,
  ShipmentQueryDto,
  viewOf,
} from './shipment.dto.ts';

@ApiTags('shipments')
@Controller('shipments')
export class ShipmentController {
  constructor(
    private readonly findShipments: FindShipments,
    private readonly receiveReturn: ReceiveReturn,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Shows the shipment of an order: none before it is paid, one after' })
  @ApiOkResponse({ type: ShipmentListView })
  @ApiBadRequestResponse()
  async find(@Query() query: ShipmentQueryDto): Promise<ShipmentListView> {
    const found = await this.findShipments.ofOrder(query.orderNo);
    return { items: found.map(({ shipment, returns }) => viewOf(shipment, returns)) };
  }

  @Post(':shipmentNo/return-receipts')
  @HttpCode(200)
  @ApiOperation({ summary: 'Notes that the goods of a refund have come back' })
  @ApiOkResponse({ type: GoodsReturnView })
  @ApiBadRequestResponse()
  @ApiNotFoundResponse()
  @ApiConflictResponse({ description: 'These goods never left' })
  async receive(
    @Param('shipmentNo') shipmentNo: string,
    @Body() { refundNo }: ReturnReceiptDto,
  ): Promise<GoodsReturnView> {
    return returnViewOf(await this.receiveReturn.execute({ shipmentNo, refundNo }));
  }
}
