import type { Ticket } from '../application/find-ticket.ts';

/** A ticket as its owner sees it. The order that comes of it has its number. */
export interface TicketFacts {
  ticketNo: string;
  saleId: string;
  status: Ticket['status'];
  orderNo?: string;
  code?: string;
  reason?: string;
}

export function ticketView({ ticketNo, saleId, status, code, reason }: Ticket): TicketFacts {
  const hasOrder = status === 'ORDERED' || status === 'RETURNED';
  return {
    ticketNo,
    saleId,
    status,
    ...(hasOrder ? { orderNo: ticketNo } : {}),
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
  };
}
