import type { Finding, Say } from './finding.ts';
import type { SaleFacts, TicketFacts, TicketOrder } from './sale-facts.ts';

/** Holds a sale against its promises: no piece sold twice, nobody served beyond the limit, the count is that of the tickets. */
export function judgeSale(sale: SaleFacts): Finding[] {
  const { saleId, stock, perUserLimit, taken, liveTickets, liveOrders } = sale;
  const findings: Finding[] = [];
  const say: Say = (kind, what) => findings.push({ orderNo: saleId, kind, what });
  if (liveTickets > stock) say('duplicated', `${liveTickets} tickets for a stock of ${stock}`);
  if (liveOrders > stock) say('duplicated', `${liveOrders} orders for a stock of ${stock}`);
  for (const { userId, tickets, orders } of sale.users) {
    if (tickets > perUserLimit) {
      say('duplicated', `${tickets} tickets of ${userId}, the limit is ${perUserLimit}`);
    }
    if (orders > perUserLimit) {
      say('duplicated', `${orders} orders of ${userId}, the limit is ${perUserLimit}`);
    }
  }
  if (taken !== liveTickets) {
    say('wrong', `${taken} pieces taken, and ${liveTickets} tickets stand for one`);
  }
  return findings;
}

/** Holds a ticket against the order of its number: one for each that was served, none for another. */
export function judgeTicket(ticket: TicketFacts): Finding[] {
  const { ticketNo, saleId, sku, status, code, order } = ticket;
  const findings: Finding[] = [];
  const say: Say = (kind, what) => findings.push({ orderNo: ticketNo, kind, what });
  if (sku === undefined) say('duplicated', `ticket of sale ${saleId}, which is not there`);
  switch (status) {
    case 'TAKEN':
      say(
        'lost',
        order === undefined ? 'order of the ticket' : 'news that the ticket has its order',
      );
      break;
    case 'ORDERED':
      if (order === undefined) say('lost', 'order of the ticket');
      else if (order.status === 'CANCELLED')
        say('lost', 'return of the piece: the order is closed');
      break;
    case 'RETURNED':
      if (order === undefined) say('lost', 'order of the ticket, whose piece came back');
      else if (order.status !== 'CANCELLED') {
        say(
          'duplicated',
          `piece: the order is ${order.status}, and the piece went back to the sale`,
        );
      }
      break;
    case 'REFUSED':
    case 'VOID':
      if (order !== undefined) say('duplicated', `order of a ticket that is ${status}`);
      if (status === 'REFUSED' && code === undefined) say('lost', 'reason of the refusal');
      break;
    default:
      say('wrong', `ticket status ${status} is none`);
  }
  if (order !== undefined) theOrder(ticket, order, say);
  return findings;
}

/** The order is what the ticket says: one piece of the sale, for the same customer. */
function theOrder(ticket: TicketFacts, order: TicketOrder, say: Say): void {
  if (order.userId !== ticket.userId) {
    say('wrong', `order of ${order.userId}, the ticket is of ${ticket.userId}`);
  }
  if (order.saleId !== ticket.saleId) {
    say('wrong', `order of sale ${order.saleId ?? 'none'}, the ticket is of ${ticket.saleId}`);
  }
  if (order.pieces !== 1 || order.allPieces !== 1) {
    say(
      'wrong',
      `order of ${order.allPieces} pieces, ${order.pieces} of them the sale's; a ticket is good for 1`,
    );
  }
}
