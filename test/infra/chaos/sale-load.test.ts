import { expect, it } from '@jest/globals';
import type { TicketFacts } from '../../../infra/audit/sale-facts.ts';
import { ticketFindings, type ToldTicket } from '../../../infra/chaos/sale-load.ts';

function told(status: ToldTicket['outcome']['status']): ToldTicket[] {
  return [{ ticketNo: 'T', userId: 'ada', outcome: { status } }];
}

function ledger(status: string, code?: string): { tickets: TicketFacts[] } {
  const ticket = { ticketNo: 'T', saleId: 'S', sku: 'GRINDER-HAND', userId: 'ada', status };
  const rest = { code, order: undefined };
  return { tickets: [{ ...ticket, ...rest, updatedAt: new Date(0) }] };
}

it.each([
  ['has an order', told('ORDERED'), ledger('ORDERED')],
  ['had an order, which was closed', told('ORDERED'), ledger('RETURNED')],
  ['was refused', told('REFUSED'), ledger('REFUSED', 'STOCK.INSUFFICIENT')],
])('a customer whose ticket %s knows it', (_what, ticket, verdict) => {
  expect(ticketFindings(ticket, verdict)).toEqual([]);
});

it.each([
  ['is not in the ledger', told('ORDERED'), { tickets: [] }, 'lost acknowledged ticket'],
  [
    'was refused by the ledger itself',
    told('REFUSED'),
    ledger('REFUSED', 'SALE.SOLD_OUT'),
    'lost piece that was promised: SALE.SOLD_OUT',
  ],
  ['is void', told('VOID'), ledger('VOID'), 'lost acknowledged ticket'],
  [
    'was refused, and has an order',
    told('REFUSED'),
    ledger('ORDERED'),
    'wrong told REFUSED, the ledger says ORDERED',
  ],
])('a customer was told wrong whose ticket %s', (_what, ticket, verdict, expected) => {
  const found = ticketFindings(ticket, verdict).map(({ kind, what }) => `${kind} ${what}`);
  expect(found).toEqual([expected]);
});
