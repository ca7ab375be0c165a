import type { ServerResponse } from 'node:http';
import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import { FindTicket, type Ticket } from '../application/find-ticket.ts';
import { LAST_EVENT_ID, TicketStreams } from '../gate/ticket-streams.ts';
import { ticketView } from '../gate/ticket-view.ts';
import { Visitors, type Visit } from '../gate/visitors.ts';
import { TicketView } from './flash-sale.dto.ts';

interface StreamReply {
  hijack(): unknown;
  raw: ServerResponse;
  status(code: number): { send(): unknown };
}

@ApiTags('tickets')
@ApiBearerAuth()
@Controller('tickets')
export class TicketController {
  constructor(
    private readonly findTicket: FindTicket,
    private readonly streams: TicketStreams,
    private readonly visitors: Visitors,
  ) {}

  @Get(':ticketNo')
  @ApiOperation({ summary: 'Shows what has become of a ticket of yours' })
  @ApiQuery({ name: 'saleId', required: false, description: 'Saves looking for it in every sale' })
  @ApiOkResponse({ type: TicketView })
  @ApiUnauthorizedResponse()
  @ApiNotFoundResponse({ description: 'There is none, or it is somebody else’s' })
  async find(
    @Param('ticketNo') ticketNo: string,
    @Query('saleId') saleId: string | undefined,
    @Req() request: Visit,
  ): Promise<TicketView> {
    return ticketView(await this.#find(ticketNo, saleId, request));
  }

  @Get(':ticketNo/events')
  @ApiOperation({
    summary: 'Tells what becomes of a ticket of yours, as server-sent events',
    description:
      'The event `status` says that it is queued, the event `outcome` what has become of it, and ends the stream. Who comes back ' +
      'after that (Last-Event-ID: outcome) gets 204 and need not come again.',
  })
  @ApiQuery({ name: 'saleId', required: false })
  @ApiOkResponse({ content: { 'text/event-stream': {} } })
  @ApiUnauthorizedResponse()
  @ApiNotFoundResponse()
  async events(
    @Param('ticketNo') ticketNo: string,
    @Query('saleId') saleId: string | undefined,
    @Req() request: Visit,
    @Res() reply: StreamReply,
  ): Promise<void> {
    const ticket = await this.#find(ticketNo, saleId, request);
    if (request.headers['last-event-id'] === LAST_EVENT_ID) {
      reply.status(204).send();
      return;
    }
    this.streams.assertRoom();
    reply.hijack();
    this.streams.open(ticket, reply.raw);
  }

  #find(ticketNo: string, saleId: string | undefined, request: Visit): Promise<Ticket> {
    const { userId } = this.visitors.identify(request);
    return this.findTicket.execute(ticketNo, userId, saleId);
  }
}
