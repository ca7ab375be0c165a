import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ShopHistory, type Story, type StoryOfSale } from './shop-history.ts';

/** Nothing is young and nothing under way. */
const calm = { graceMs: 0, openMs: 0 };
const at = new Date('2026-11-20T12:00:00.000Z');

const items = [{ sku: 'MUG', quantity: 1 }];
const sale: StoryOfSale = { saleId: 'S', sku: 'MUG', stock: 2, at };
/** Two bought a piece, one of them after another had not paid for his; and one bought without a sale. */
const stories: readonly Story[] = [
  { orderNo: 'ADA', end: 'shipped', at, saleId: 'S', userId: 'ada', items },
  { orderNo: 'BOB', end: 'closed', at, saleId: 'S', userId: 'bob', items },
  { orderNo: 'EVE', end: 'shipped', at, saleId: 'S', userId: 'eve', items },
  { orderNo: 'ZOE', end: 'shipped', at, items },
];

let shop: ShopHistory;

beforeAll(async () => {
  shop = await ShopHistory.create();
}, 60_000);

afterAll(async () => {
  await shop[Symbol.asyncDispose]();
});

describe('the audit of a flash sale', () => {
  beforeEach(() => shop.tell(stories, [sale]));

  it('finds nothing where nothing is wrong', async () => {
    expect(await shop.audit.ofAll(calm)).toMatchObject({
      orders: 4,
      sales: 1,
      tickets: 3,
      underWay: 0,
      findings: [],
    });
  });

  it('tells of one sale what its ledger and its orders say', async () => {
    const { sale: facts, tickets, findings } = await shop.audit.ofSale('S');
    expect(facts).toEqual({
      saleId: 'S',
      sku: 'MUG',
      stock: 2,
      perUserLimit: 1,
      state: 'OPEN',
      taken: 2,
      liveTickets: 2,
      liveOrders: 2,
      users: [],
    });
    expect(tickets.map(({ ticketNo, status }) => `${ticketNo} ${status}`)).toEqual([
      'ADA ORDERED',
      'BOB RETURNED',
      'EVE ORDERED',
    ]);
    expect(findings).toEqual([]);
  });

  it('misses a sale that is not there', async () => {
    expect((await shop.audit.ofSale('T')).findings).toEqual([
      { orderNo: 'T', kind: 'lost', what: 'sale' },
    ]);
  });

  it.each<[string, string[], string[]]>([
    [
      'a sale with less stock than it has sold',
      ["UPDATE {flashsale}.flash_sales SET stock = 1 WHERE id = 'S'"],
      ['duplicated S: 2 tickets for a stock of 1', 'duplicated S: 2 orders for a stock of 1'],
    ],
    [
      'a user with two pieces',
      [
        "UPDATE {flashsale}.flash_tickets SET user_id = 'ada' WHERE ticket_no = 'EVE'",
        ...['{order}.orders', '{points}.points_movements', '{push}.notifications'].map(
          (table) => `UPDATE ${table} SET user_id = 'ada' WHERE order_no = 'EVE'`,
        ),
        "UPDATE {coupon}.coupons SET user_id = 'ada' WHERE order_no = 'EVE'",
        "UPDATE {coupon}.red_packets SET user_id = 'ada' WHERE order_no = 'EVE'",
        "DELETE FROM {points}.points_balances WHERE user_id = 'eve'",
        "UPDATE {points}.points_balances SET points = 24 WHERE user_id = 'ada'",
      ],
      [
        'duplicated S: 2 tickets of ada, the limit is 1',
        'duplicated S: 2 orders of ada, the limit is 1',
      ],
    ],
    [
      'a ticket that has never been heard of again',
      ["UPDATE {flashsale}.flash_tickets SET status = 'TAKEN' WHERE ticket_no = 'EVE'"],
      ['lost EVE: news that the ticket has its order'],
    ],
    [
      'a ticket that is gone',
      [
        "DELETE FROM {flashsale}.flash_tickets WHERE ticket_no = 'EVE'",
        'UPDATE {flashsale}.flash_sales SET taken = 1',
      ],
      ['duplicated EVE: order of sale S without a ticket'],
    ],
    [
      'a piece that did not come back',
      [
        "UPDATE {flashsale}.flash_tickets SET status = 'ORDERED' WHERE ticket_no = 'BOB'",
        'UPDATE {flashsale}.flash_sales SET taken = 3, stock = 3',
      ],
      ['lost BOB: return of the piece: the order is closed'],
    ],
    [
      'an order of something else',
      [
        "UPDATE {flashsale}.flash_sales SET sku = 'TEA'",
        "DELETE FROM {flashsale}.flash_tickets WHERE ticket_no <> 'ADA'",
        "UPDATE {order}.orders SET sale_id = NULL WHERE order_no <> 'ADA'",
        'UPDATE {flashsale}.flash_sales SET taken = 1',
      ],
      ["wrong ADA: order of 1 pieces, 0 of them the sale's; a ticket is good for 1"],
    ],
    [
      'a message that nobody could read',
      [
        `INSERT INTO {flashsale}.parked_messages (message_id, topic, body, reason, parked_at)
         VALUES ('M', 'FLASH_ORDERS', 'x', 'not JSON', NOW(3))`,
      ],
      ['lost M: message of FLASH_ORDERS, which was parked: not JSON'],
    ],
  ])('finds %s', async (_what, statements, expected) => {
    for (const statement of statements) await shop.sql(statement);
    const { findings } = await shop.audit.ofAll(calm);
    expect(findings.map(({ kind, orderNo, what }) => `${kind} ${orderNo}: ${what}`)).toEqual(
      expected,
    );
  });

  it('gives a ticket time that has just been taken', async () => {
    await shop.sql(
      "UPDATE {flashsale}.flash_tickets SET status = 'TAKEN', updated_at = UTC_TIMESTAMP(3) WHERE ticket_no = 'EVE'",
    );
    expect(await shop.audit.ofAll({ graceMs: 60_000, openMs: 60_000 })).toMatchObject({
      underWay: 1,
      findings: [],
    });
  });
});
