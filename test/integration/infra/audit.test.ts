import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Audit, heldToBuyers, type WholeDatabase } from '../../../infra/audit.ts';
import { verdictOf, type Verdict } from '../../../infra/demo/report.ts';
import { Coupons1764000000000 } from '../../../services/coupon/persistence/migrations/1764000000000-coupons.ts';
import { Orders1764000000000 } from '../../../services/order/persistence/migrations/1764000000000-orders.ts';
import { HalfMessages1764000000003 } from '../../../services/order/persistence/migrations/1764000000003-half-messages.ts';
import { Notifications1764000000000 } from '../../../services/push/persistence/migrations/1764000000000-notifications.ts';
import { Delivery1764000000001 } from '../../../services/push/persistence/migrations/1764000000001-delivery.ts';
import { Tables } from '../services/tables.ts';

const at = new Date('2026-11-20T12:00:00.000Z');
const paid = 'PAID-ORDER';
const closed = 'CLOSED-ORDER';

let order: Tables;
let coupon: Tables;
let push: Tables;
let audit: Audit;

beforeAll(async () => {
  order = await Tables.create([], [Orders1764000000000, HalfMessages1764000000003]);
  coupon = await Tables.create([], [Coupons1764000000000]);
  push = await Tables.create([], [Notifications1764000000000, Delivery1764000000001]);
  audit = await Audit.open(process.env['DATABASE_URL'] ?? '', {
    order: order.schema,
    coupon: coupon.schema,
    push: push.schema,
  });
});

afterAll(async () => {
  await audit.close();
  for (const tables of [order, coupon, push]) await tables[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await placed(paid, { status: 'PAID', paidAt: at });
  await issued(paid);
  await told(paid, 'Created');
  await told(paid, 'Paid');
  await placed(closed, { status: 'CANCELLED', closedAt: at });
  await told(closed, 'Created');
  await told(closed, 'Closed');
});

afterEach(async () => {
  await order.dataSource.query('DELETE FROM order_items');
  await order.dataSource.query('DELETE FROM orders');
  await coupon.dataSource.query('DELETE FROM coupons');
  await push.dataSource.query('DELETE FROM notifications');
});

async function placed(
  orderNo: string,
  { status, paidAt, closedAt }: { status: string; paidAt?: Date; closedAt?: Date },
): Promise<void> {
  await order.dataSource.query(
    `INSERT INTO orders (order_no, user_id, status, total_minor, currency, placed_at, paid_at, closed_at)
     VALUES (?, 'user-1', ?, 1380, 'EUR', ?, ?, ?)`,
    [orderNo, status, at, paidAt ?? null, closedAt ?? null],
  );
  await order.dataSource.query(
    `INSERT INTO order_items (order_no, line_no, sku, quantity, unit_price_minor)
     VALUES (?, 1, 'TEA-GREEN-100', 2, 690)`,
    [orderNo],
  );
}

let codes = 0;

async function issued(orderNo: string): Promise<void> {
  codes += 1;
  await coupon.dataSource.query(
    `INSERT INTO coupons (code, order_no, user_id, amount_minor, currency, issued_at, expires_at)
     VALUES (?, ?, 'user-1', 69, 'EUR', ?, ?)`,
    [String(codes), orderNo, at, at],
  );
}

async function told(orderNo: string, kind: string): Promise<void> {
  await push.dataSource.query(
    `INSERT INTO notifications (event_id, order_no, user_id, kind, text, recorded_at, delivered_at)
     VALUES (UUID(), ?, 'user-1', ?, '', ?, ?)`,
    [orderNo, kind, at, at],
  );
}

const orderTable = (statement: string): Promise<unknown> => order.dataSource.query(statement);
const couponTable = (statement: string): Promise<unknown> => coupon.dataSource.query(statement);
const pushTable = (statement: string): Promise<unknown> => push.dataSource.query(statement);

interface Findings {
  lost: string[];
  duplicated: string[];
  verdict: Verdict;
  whole: WholeDatabase;
}

/** As the demo asks: these two orders, of which it knows that one was paid, and all the others. */
async function findings(): Promise<Findings> {
  const ways = heldToBuyers(await audit.ways([paid, closed]), { paid: [paid], unpaid: [closed] });
  const whole = await audit.wholeDatabase();
  return {
    lost: ways.flatMap(({ orderNo, lost }) => lost.map((what) => `${orderNo}: ${what}`)),
    duplicated: ways.flatMap(({ orderNo, duplicated }) =>
      duplicated.map((what) => `${orderNo}: ${what}`),
    ),
    verdict: verdictOf(ways, whole, [], 1),
    whole,
  };
}

describe('the audit of three schemas', () => {
  it('finds nothing where nothing is wrong', async () => {
    expect(await findings()).toMatchObject({
      lost: [],
      duplicated: [],
      verdict: { orders: 2, paid: 1, closed: 1, coupons: 1, pushes: 4, lost: 0, duplicated: 0 },
      whole: { orders: 2, paid: 1, closed: 1, missing: 0, doubled: 0, unearned: 0, torn: 0 },
    });
  });

  it.each<[string, () => Promise<unknown>, string[]]>([
    ['a coupon', () => couponTable('DELETE FROM coupons'), [`${paid}: coupon`]],
    [
      'an order with all its items',
      async () => {
        await orderTable('DELETE FROM order_items');
        await orderTable(`DELETE FROM orders WHERE order_no = '${paid}'`);
      },
      [`${paid}: order`],
    ],
    [
      'a notification',
      () => pushTable(`DELETE FROM notifications WHERE kind = 'Closed'`),
      [`${closed}: push Closed`, `${closed}: delivery`],
    ],
    [
      'a delivery',
      () => pushTable(`UPDATE notifications SET delivered_at = NULL WHERE kind = 'Paid'`),
      [`${paid}: delivery`],
    ],
    [
      'the closing of an order',
      () =>
        orderTable(
          `UPDATE orders SET status = 'PENDING', closed_at = NULL WHERE status = 'CANCELLED'`,
        ),
      [`${closed}: payment or closing`],
    ],
    [
      'a payment whose buyer was told that it was made',
      async () => {
        await orderTable(
          `UPDATE orders SET status = 'CANCELLED', paid_at = NULL, closed_at = placed_at`,
        );
        await couponTable('DELETE FROM coupons');
        await pushTable(`UPDATE notifications SET kind = 'Closed' WHERE kind = 'Paid'`);
      },
      [`${paid}: payment`],
    ],
    [
      'the time of a payment',
      () => orderTable('UPDATE orders SET paid_at = NULL'),
      [`${paid}: time of payment`],
    ],
  ])('misses %s', async (_what, plant, lost) => {
    await plant();
    const found = await findings();
    expect(found.lost).toEqual(expect.arrayContaining(lost));
    expect(found.verdict.lost).toBeGreaterThanOrEqual(lost.length);
  });

  it.each<[string, () => Promise<unknown>, string[]]>([
    ['a notification told twice', () => told(paid, 'Paid'), [`${paid}: push Paid`]],
    ['the coupon of a closed order', () => issued(closed), [`${closed}: coupon`]],
    ['a payment told of a closed order', () => told(closed, 'Paid'), [`${closed}: push Paid`]],
    [
      'a paid order that is closed, too',
      () => orderTable(`UPDATE orders SET closed_at = placed_at WHERE order_no = '${paid}'`),
      [`${paid}: end: paid and closed`],
    ],
    [
      'a closed order that has a payment and no time of closing',
      () =>
        orderTable(
          `UPDATE orders SET paid_at = placed_at, closed_at = NULL WHERE order_no = '${closed}'`,
        ),
      [`${closed}: end: paid and closed`],
    ],
    [
      'a payment that nobody has made',
      () =>
        orderTable(`UPDATE orders SET status = 'PAID', paid_at = placed_at, closed_at = NULL
                     WHERE order_no = '${closed}'`),
      [`${closed}: payment`],
    ],
  ])('finds %s', async (_what, plant, duplicated) => {
    await plant();
    const found = await findings();
    expect(found.duplicated).toEqual(expect.arrayContaining(duplicated));
    expect(found.verdict.duplicated).toBeGreaterThanOrEqual(duplicated.length);
  });

  const other = 'ORDER-OF-ANOTHER-RUN';

  it.each<[string, () => Promise<unknown>, Partial<WholeDatabase>]>([
    ['a coupon of no order', () => issued(other), { unearned: 1 }],
    ['a notification of no order', () => told(other, 'Created'), { unearned: 1 }],
    [
      'a payment told of an order that is not paid',
      async () => {
        await placed(other, { status: 'PENDING' });
        await told(other, 'Created');
        await told(other, 'Paid');
      },
      { unearned: 1 },
    ],
    [
      'a closing told of a paid order',
      async () => {
        await placed(other, { status: 'PAID', paidAt: at });
        await told(other, 'Closed');
      },
      { unearned: 1 },
    ],
    [
      'an order that ended in two ways',
      () => placed(other, { status: 'CANCELLED', paidAt: at, closedAt: at }),
      { torn: 1 },
    ],
    [
      'an order whose times tell another story than its status',
      () => placed(other, { status: 'CANCELLED', paidAt: at }),
      { torn: 1 },
    ],
    [
      'an order in a state there is none of',
      () => placed(other, { status: 'SHIPPED' }),
      { torn: 1 },
    ],
    [
      'an order that lacks an item',
      async () => {
        await placed(other, { status: 'PENDING' });
        await orderTable(`DELETE FROM order_items WHERE order_no = '${other}'`);
      },
      { torn: 1 },
    ],
  ])('finds, wherever it is, %s', async (_what, plant, expected) => {
    await plant();
    const { whole, verdict } = await findings();
    expect(whole).toMatchObject(expected);
    expect(verdict.duplicated).toBeGreaterThan(0);
  });
});
