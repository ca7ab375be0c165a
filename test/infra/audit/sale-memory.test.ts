import { expect, it } from '@jest/globals';
import { judgeMemory, type SaleMemory } from '../../../infra/audit/sale-memory.ts';

const sale = {
  saleId: 'S',
  sku: 'GRINDER-HAND',
  stock: 15,
  perUserLimit: 1,
  state: 'OPEN',
  taken: 12,
  liveTickets: 12,
  liveOrders: 12,
  users: [],
};
const good: SaleMemory = { remaining: 3, tickets: 12, pending: 0 };

it.each<[string, SaleMemory, string[]]>([
  ['what the ledger has', good, []],
  [
    'a piece too many, which could be sold twice',
    { ...good, remaining: 4 },
    ['duplicated 4 pieces left in Redis, 3 by the ledger'],
  ],
  [
    'a piece too few, which nobody can buy',
    { ...good, remaining: 2 },
    ['lost 1 pieces: 2 left in Redis, 3 by the ledger'],
  ],
  [
    'a ticket that the ledger has not',
    { ...good, tickets: 13 },
    ['wrong 13 tickets in Redis, 12 in the ledger'],
  ],
  [
    'a ticket that is neither sent nor given back',
    { ...good, pending: 1 },
    ['lost end of 1 tickets whose message may never have left'],
  ],
])('Redis has %s', (_what, memory, expected) => {
  expect(judgeMemory(sale, memory).map(({ kind, what }) => `${kind} ${what}`)).toEqual(expected);
});
