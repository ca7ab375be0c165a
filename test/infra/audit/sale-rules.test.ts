import { describe, expect, it } from '@jest/globals';
import { lastChangeOf, type SaleFacts, type TicketFacts } from '../../../infra/audit/sale-facts.ts';
import { judgeSale, judgeTicket } from '../../../infra/audit/sale-rules.ts';

const admittedAt = new Date('2026-11-30T12:00:00.000Z');
const later = new Date('2026-11-30T12:00:09.000Z');

const sale: SaleFacts = {
  saleId: 'S',
  sku: 'GRINDER-HAND',
  stock: 3,
  perUserLimit: 1,
  state: 'OPEN',
  taken: 2,
  liveTickets: 2,
  liveOrders: 2,
  users: [{ userId: 'ada', tickets: 1, orders: 1 }],
};

const served: TicketFacts = {
  ticketNo: 'T',
  saleId: 'S',
  sku: 'GRINDER-HAND',
  userId: 'ada',
  status: 'ORDERED',
  code: undefined,
  updatedAt: admittedAt,
  order: {
    saleId: 'S',
    userId: 'ada',
    status: 'PENDING',
    pieces: 1,
    allPieces: 1,
    changedAt: later,
  },
};

function ofSale(change: Partial<SaleFacts>): string[] {
  return judgeSale({ ...sale, ...change }).map(({ kind, what }) => `${kind} ${what}`);
}

function ofTicket(change: Partial<TicketFacts>, order?: Partial<TicketFacts['order']>): string[] {
  const ticket = { ...served, ...change };
  const changed =
    order === undefined ? ticket : { ...ticket, order: { ...served.order!, ...order } };
  return judgeTicket(changed).map(({ kind, what }) => `${kind} ${what}`);
}

describe('judgeSale', () => {
  it.each<[string, Partial<SaleFacts>]>([
    ['in full swing', {}],
    ['sold out', { taken: 3, liveTickets: 3, liveOrders: 3 }],
    ['over', { state: 'CLOSED' }],
  ])('finds nothing wrong with a sale that is %s', (_what, change) => {
    expect(ofSale(change)).toEqual([]);
  });

  it.each<[string, Partial<SaleFacts>, string[]]>([
    [
      'tickets beyond the stock',
      { taken: 4, liveTickets: 4 },
      ['duplicated 4 tickets for a stock of 3'],
    ],
    ['orders beyond the stock', { liveOrders: 4 }, ['duplicated 4 orders for a stock of 3']],
    [
      'one user twice',
      { users: [{ userId: 'ada', tickets: 2, orders: 2 }] },
      ['duplicated 2 tickets of ada, the limit is 1', 'duplicated 2 orders of ada, the limit is 1'],
    ],
    [
      'a count that is not that of the tickets',
      { taken: 3 },
      ['wrong 3 pieces taken, and 2 tickets stand for one'],
    ],
  ])('finds %s', (_what, change, expected) => {
    expect(ofSale(change)).toEqual(expected);
  });
});

describe('judgeTicket', () => {
  it.each<[string, string[]]>([
    ['that has its order', ofTicket({})],
    ['whose order is paid', ofTicket({}, { status: 'PAID' })],
    ['whose order was refunded', ofTicket({}, { status: 'REFUNDED' })],
    ['whose piece came back', ofTicket({ status: 'RETURNED' }, { status: 'CANCELLED' })],
    [
      'that was refused',
      ofTicket({ status: 'REFUSED', code: 'STOCK.INSUFFICIENT', order: undefined }),
    ],
    ['that nobody had heard of', ofTicket({ status: 'VOID', order: undefined })],
  ])('finds nothing wrong with a ticket %s', (_what, found) => {
    expect(found).toEqual([]);
  });

  it.each<[string, string[], string[]]>([
    ['no order', ofTicket({ status: 'TAKEN', order: undefined }), ['lost order of the ticket']],
    [
      'no order, it says',
      ofTicket({ status: 'TAKEN' }),
      ['lost news that the ticket has its order'],
    ],
    ['no order at all', ofTicket({ order: undefined }), ['lost order of the ticket']],
    [
      'a closed order, and keeps the piece',
      ofTicket({}, { status: 'CANCELLED' }),
      ['lost return of the piece: the order is closed'],
    ],
    [
      'a paid order, and gave the piece back',
      ofTicket({ status: 'RETURNED' }, { status: 'PAID' }),
      ['duplicated piece: the order is PAID, and the piece went back to the sale'],
    ],
    [
      'no order, and gave the piece back',
      ofTicket({ status: 'RETURNED', order: undefined }),
      ['lost order of the ticket, whose piece came back'],
    ],
    [
      'an order, and was refused',
      ofTicket({ status: 'REFUSED', code: 'STOCK.INSUFFICIENT' }),
      ['duplicated order of a ticket that is REFUSED'],
    ],
    [
      'an order, and is void',
      ofTicket({ status: 'VOID' }),
      ['duplicated order of a ticket that is VOID'],
    ],
    [
      'no reason for its refusal',
      ofTicket({ status: 'REFUSED', order: undefined }),
      ['lost reason of the refusal'],
    ],
    ['a status of its own', ofTicket({ status: 'NEW' }), ['wrong ticket status NEW is none']],
    ['no sale', ofTicket({ sku: undefined }), ['duplicated ticket of sale S, which is not there']],
    [
      "somebody else's order",
      ofTicket({}, { userId: 'bob' }),
      ['wrong order of bob, the ticket is of ada'],
    ],
    [
      "another sale's order",
      ofTicket({}, { saleId: undefined }),
      ['wrong order of sale none, the ticket is of S'],
    ],
    [
      'an order of two pieces',
      ofTicket({}, { pieces: 2, allPieces: 3 }),
      ["wrong order of 3 pieces, 2 of them the sale's; a ticket is good for 1"],
    ],
  ])('finds a ticket that has %s', (_what, found, expected) => {
    expect(found).toEqual(expected);
  });

  it('takes for the last change of a ticket that of its order, if that is later', () => {
    expect(lastChangeOf(served)).toBe(later);
    expect(lastChangeOf({ ...served, order: undefined })).toBe(admittedAt);
  });
});
