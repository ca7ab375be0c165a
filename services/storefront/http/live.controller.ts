import { Body, Controller, Get, HttpCode, Param, Put, Res } from '@nestjs/common';
import {
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { LiveHub } from '../live/live-hub.ts';
import type { LiveResponse } from '../live/live-stream.ts';
import { WatchedDto } from './live.dto.ts';

interface StreamReply {
  hijack(): unknown;
  raw: LiveResponse;
}

@ApiTags('live')
@Controller('api/live')
export class LiveController {
  constructor(private readonly hub: LiveHub) {}

  @Get()
  @ApiOperation({
    summary: 'Tells a page what happens, as server-sent events',
    description: 'The events and their data: services/storefront/live/live-events.ts.',
  })
  @ApiOkResponse({ content: { 'text/event-stream': {} } })
  @ApiServiceUnavailableResponse({ description: 'Too many pages are open' })
  open(@Res() reply: StreamReply): void {
    this.hub.assertRoom();
    reply.hijack();
    this.hub.open(reply.raw);
  }

  @Put(':streamId')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Says what the page of a stream watches, in place of what it said before',
  })
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: 'The stream has ended' })
  watch(@Param('streamId') streamId: string, @Body() body: WatchedDto): void {
    const { orderNos, isQueueSideShown } = body;
    this.hub.watch(streamId, { orders: [...new Set(orderNos)], isQueueSideShown });
  }
}
