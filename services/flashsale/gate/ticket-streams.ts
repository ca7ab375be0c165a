import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { DomainError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import type { FindTicket, Ticket } from '../application/find-ticket.ts';
import type { SaleNews } from './sale-news.ts';
import { ticketView } from './ticket-view.ts';

/** What proxies and browsers take for a connection that is alive. */
const HEARTBEAT_MS = 15_000;
const MAX_STREAM_COUNT = 10_000;

/** The id of the last event of a stream. Who comes back with it has all there is. */
export const LAST_EVENT_ID = 'outcome';

type Stream = Pick<ServerResponse, 'writeHead' | 'write' | 'end' | 'on' | 'writableEnded'> & {
  readonly req: { readonly socket: Pick<Socket, 'destroyed'> };
};

/**
 * Server-sent events of tickets: first how it stands, then its outcome, which ends the stream.
 *
 * The outcome comes by news from Redis; those that were missed are found at the next heartbeat.
 */
export class TicketStreams implements BeforeApplicationShutdown {
  readonly #tickets: Pick<FindTicket, 'execute'>;
  readonly #news: Pick<SaleNews, 'watch'>;
  readonly #log: Log;
  readonly #open = new Set<Stream>();

  constructor(parts: {
    tickets: Pick<FindTicket, 'execute'>;
    news: Pick<SaleNews, 'watch'>;
    log: Log;
  }) {
    this.#tickets = parts.tickets;
    this.#news = parts.news;
    this.#log = parts.log;
  }

  /** Errors: SALE.BUSY when there are too many streams; to be asked before `open`. */
  assertRoom(): void {
    if (this.#open.size < MAX_STREAM_COUNT) return;
    const detail = `${this.#open.size} streams are open, at most ${MAX_STREAM_COUNT} can be`;
    throw new DomainError('SALE.BUSY', 'unavailable', detail);
  }

  /**
   * A customer may have gone while his ticket was looked up, and of a response that waits behind another one of its connection
   * nobody hears when the connection ends: so it is the connection that is looked at, now and at each heartbeat.
   */
  open(ticket: Ticket, stream: Stream): void {
    const { saleId, ticketNo, userId } = ticket;
    const { socket } = stream.req;
    if (socket.destroyed) return;
    stream.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    if (ticket.status !== 'QUEUED') return end(stream, ticket);
    stream.write(eventOf('status', ticket));
    this.#open.add(stream);
    const { isHeard, stop } = this.#news.watch(saleId, ticketNo, (outcome) => {
      tell({ ...ticket, ...outcome });
    });
    const leave = (): void => {
      clearInterval(heartbeat);
      stop();
      this.#open.delete(stream);
    };
    // Told all, it is left at once: it may take long until the last bytes are gone, and nothing may be written after them.
    const tell = (outcome: Ticket): void => {
      leave();
      end(stream, outcome);
    };
    const look = async (): Promise<void> => {
      try {
        const now = await this.#tickets.execute(ticketNo, userId, saleId);
        if (now.status !== 'QUEUED') tell(now);
      } catch (error) {
        this.#log.debug('a ticket could not be looked up', { ticketNo, error });
      }
    };
    const heartbeat = setInterval(() => {
      if (stream.writableEnded || socket.destroyed) return leave();
      stream.write(': still in the queue\n\n');
      void look();
    }, HEARTBEAT_MS);
    stream.on('close', leave);
    // What was told before anybody listened.
    void isHeard.then(look);
  }

  /** Open streams would hold the process for as long as their tickets take. */
  beforeApplicationShutdown(): void {
    for (const stream of this.#open) stream.end();
  }
}

function end(stream: Stream, ticket: Ticket): void {
  if (stream.writableEnded) return;
  stream.end(`id: ${LAST_EVENT_ID}\n${eventOf('outcome', ticket)}`);
}

function eventOf(name: string, ticket: Ticket): string {
  return `event: ${name}\ndata: ${JSON.stringify(ticketView(ticket))}\n\n`;
}
