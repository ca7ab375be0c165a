import { Controller, Get, Query } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiTags,
} from '@nestjs/swagger';
import { FindRedPackets } from '../application/find-red-packets.ts';
import { redPacketStatuses, type RedPacket } from '../domain/red-packet.ts';
import { OrderQueryDto } from './coupon.dto.ts';

export class RedPacketView {
  @ApiProperty({ example: '20261120-9Q2T4VXA7K3M' })
  packetNo!: string;

  @ApiProperty({ description: 'The order that has earned it' })
  orderNo!: string;

  @ApiProperty()
  userId!: string;

  @ApiProperty({ description: 'In minor units (cents)' })
  amountMinor!: number;

  @ApiProperty({ example: 'EUR' })
  currency!: string;

  @ApiProperty({ enum: redPacketStatuses })
  status!: string;

  @ApiProperty({ format: 'date-time' })
  issuedAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  recalledAt!: string | null;
}

export class RedPacketListView {
  @ApiProperty({ type: [RedPacketView] })
  items!: RedPacketView[];
}

@ApiTags('red packets')
@Controller('red-packets')
export class RedPacketController {
  constructor(private readonly findRedPackets: FindRedPackets) {}

  @Get()
  @ApiOperation({
    summary: 'Shows the red packets an order has earned: none before it is paid, one after',
  })
  @ApiOkResponse({ type: RedPacketListView })
  @ApiBadRequestResponse()
  async find(@Query() query: OrderQueryDto): Promise<RedPacketListView> {
    const packets = await this.findRedPackets.ofOrder(query.orderNo);
    return { items: packets.map((packet) => viewOf(packet)) };
  }
}

function viewOf({ issuedAt, recalledAt, ...facts }: RedPacket): RedPacketView {
  return {
    ...facts,
    issuedAt: issuedAt.toISOString(),
    recalledAt: recalledAt?.toISOString() ?? null,
  };
}
