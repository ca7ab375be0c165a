import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Audit } from '../../../infra/audit/audit.ts';
import { schemas } from '../../../infra/audit/schemas.ts';
import { ShopHistory, type Story } from './shop-history.ts';

/** Nothing is young and nothing under way. */
const calm = { graceMs: 0, openMs: 0 };
const at = new Date('2026-11-20T12:00:00.000Z');

/** One order for each way an order can end, and one whose goods the customer has not sent back yet. */
const stories: readonly Story[] = [
  { orderNo: 'SHIPPED', end: 'shipped', at, userId: 'anna' },
  {
    orderNo: 'COUPON',
    end: 'shipped',
    at,
    userId: 'anna',
    coupon: { code: 'C-SHIPPED', amountMinor: 69 },
  },
  { orderNo: 'CLOSED', end: 'closed', at },
  {
    orderNo: 'BACK',
    end: 'closed',
    at,
    userId: 'anna',
    coupon: { code: 'C-COUPON', amountMinor: 69 },
  },
  { orderNo: 'LATE', end: 'paid too late', at },
  {
    orderNo: 'UNPACKED',
    end: 'paid',
    at,
    refunds: [
      {
        refundNo: 'R-UNPACKED',
        amountMinor: 1_380,
        points: 13,
        items: [{ sku: 'TEA', quantity: 2 }],
        isWhole: true,
        goods: 'taken out',
      },
    ],
  },
  {
    orderNo: 'PIECE',
    end: 'shipped',
    at,
    items: [
      { sku: 'TEA', quantity: 2 },
      { sku: 'MUG', quantity: 1 },
    ],
    refunds: [
      {
        refundNo: 'R-PIECE',
        amountMinor: 690,
        points: 6,
        items: [{ sku: 'TEA', quantity: 1 }],
        isWhole: false,
        goods: 'come back',
      },
    ],
  },
  {
    orderNo: 'MAIL',
    end: 'shipped',
    at,
    refunds: [
      {
        refundNo: 'R-MAIL',
        amountMinor: 1_380,
        points: 13,
        items: [{ sku: 'TEA', quantity: 2 }],
        isWhole: true,
        goods: 'awaited',
      },
    ],
  },
];

let shop: ShopHistory;

beforeAll(async () => {
  shop = await ShopHistory.create();
}, 60_000);

afterAll(async () => {
  await shop[Symbol.asyncDispose]();
});

async function findings(options = calm): Promise<string[]> {
  const report = await shop.audit.ofAll(options);
  return report.findings.map(({ kind, orderNo, what }) => `${kind} ${orderNo}: ${what}`);
}

describe('the audit of all schemas', () => {
  beforeEach(() => shop.tell(stories));

  it('finds nothing where nothing is wrong', async () => {
    expect(await shop.audit.ofAll(calm)).toEqual({
      orders: 8,
      byStatus: { SHIPPED: 2, CANCELLED: 3, REFUNDED: 1, PARTIALLY_REFUNDED: 1, REFUNDING: 1 },
      underWay: 0,
      sales: 0,
      tickets: 0,
      copy: undefined,
      findings: [],
    });
  });

  it.each<[string, string[], unknown[]]>([
    // The order service.
    [
      'an order that is gone with its items',
      ["DELETE FROM {order}.orders WHERE order_no = 'CLOSED'"],
      [
        'duplicated CLOSED: push of an order that is not there',
        'duplicated CLOSED: push of an order that is not there',
      ],
    ],
    [
      'an order without items',
      ["DELETE FROM {order}.order_items WHERE order_no = 'CLOSED'"],
      [
        'lost CLOSED: items',
        'wrong CLOSED: what is reserved is not what was ordered',
        'duplicated CLOSED: RESERVED of 2 × TEA',
        'duplicated CLOSED: RELEASED of 2 × TEA',
      ],
    ],
    [
      'a total that is not that of the items',
      ["UPDATE {order}.order_items SET unit_price_minor = 700 WHERE order_no = 'CLOSED'"],
      ['wrong CLOSED: total 1380, its items come to 1400 less 0'],
    ],
    [
      'a discount without a coupon',
      [
        "UPDATE {order}.orders SET discount_minor = 80 WHERE order_no = 'CLOSED'",
        "UPDATE {order}.order_items SET unit_price_minor = 730 WHERE order_no = 'CLOSED'",
      ],
      ['wrong CLOSED: a discount, no coupon'],
    ],
    [
      'a status that is none',
      ["UPDATE {order}.orders SET status = 'FORGOTTEN' WHERE order_no = 'CLOSED'"],
      ['wrong CLOSED: status FORGOTTEN is none'],
    ],
    [
      'an order that nobody closes',
      ["UPDATE {order}.orders SET status = 'PENDING', closed_at = NULL WHERE order_no = 'CLOSED'"],
      [
        'lost CLOSED: payment or closing',
        'lost CLOSED: stock RESERVED (it is RELEASED)',
        'duplicated CLOSED: RELEASED of 2 × TEA',
        'duplicated CLOSED: push Closed',
      ],
    ],
    [
      'an order that is paid and closed',
      ["UPDATE {order}.orders SET closed_at = placed_at WHERE order_no = 'SHIPPED'"],
      ['duplicated SHIPPED: end: paid and closed'],
    ],
    [
      'a paid order without a time of it',
      ["UPDATE {order}.orders SET paid_at = NULL WHERE order_no = 'SHIPPED'"],
      ['wrong SHIPPED: SHIPPED without a time of payment'],
    ],
    [
      'a closed order without a time of it',
      ["UPDATE {order}.orders SET closed_at = NULL WHERE order_no = 'CLOSED'"],
      ['wrong CLOSED: CANCELLED without a time of closing'],
    ],
    [
      'a shipped order without a time of it',
      ["UPDATE {order}.orders SET shipped_at = NULL WHERE order_no = 'SHIPPED'"],
      ['wrong SHIPPED: SHIPPED without a time of shipping', 'duplicated SHIPPED: push Shipped'],
    ],
    [
      'a refund that the order has forgotten',
      ["DELETE FROM {order}.order_refunds WHERE order_no = 'LATE'"],
      [
        'lost LATE: return of a late payment: P-LATE',
        'duplicated LATE: push PaidTooLate',
        'duplicated LATE: push Refunded',
        'duplicated LATE: refund R-LATE',
        'duplicated LATE: money of refund R-LATE',
      ],
    ],
    [
      'a refunded order that says it is shipped',
      ["UPDATE {order}.orders SET status = 'SHIPPED' WHERE order_no = 'PIECE'"],
      ['wrong PIECE: SHIPPED, and its refunds say PARTIALLY_REFUNDED'],
    ],

    // Payment, and the channel's books.
    [
      'a payment that is gone',
      ["DELETE FROM {payment}.payments WHERE order_no = 'SHIPPED'"],
      [
        'lost SHIPPED: payment P-SHIPPED',
        'lost P-SHIPPED: payment: the channel took 1380, and it is not there',
      ],
    ],
    [
      'a payment that is there twice',
      [
        'ALTER TABLE {payment}.payments DROP KEY one_live_payment_per_order',
        `INSERT INTO {payment}.payments (payment_no, order_no, amount_minor, currency, status, created_at, settled_at)
         SELECT 'P-AGAIN', order_no, amount_minor, currency, status, created_at, settled_at FROM {payment}.payments WHERE order_no = 'SHIPPED'`,
        `INSERT INTO {third-party}.channel_charges
         SELECT 'P-AGAIN', 'CH-AGAIN', status, amount_minor, 0, currency, callback_url, 1, accepted_at, settled_at, NULL
           FROM {third-party}.channel_charges WHERE request_no = 'P-SHIPPED'`,
      ],
      ['duplicated SHIPPED: payment P-AGAIN'],
    ],
    [
      'a payment of another amount',
      ["UPDATE {payment}.payments SET amount_minor = 1 WHERE order_no = 'SHIPPED'"],
      [
        'wrong SHIPPED: payment of 1 for a total of 1380',
        'wrong SHIPPED: payment of 1, the channel took 1380',
      ],
    ],
    [
      'a payment the channel does not know',
      ["DELETE FROM {third-party}.channel_charges WHERE request_no = 'P-SHIPPED'"],
      ['wrong SHIPPED: payment of 1380, the channel took nothing'],
    ],
    [
      'a payment that is left under way',
      ["UPDATE {payment}.payments SET status = 'PROCESSING' WHERE order_no = 'SHIPPED'"],
      [
        'lost SHIPPED: end of payment P-SHIPPED',
        'lost SHIPPED: payment P-SHIPPED',
        'lost SHIPPED: success of payment P-SHIPPED: the channel took 1380',
      ],
    ],
    [
      'money taken for nothing',
      [
        `INSERT INTO {third-party}.channel_charges
         SELECT 'P-NOBODY', 'CH-NOBODY', status, amount_minor, 0, currency, callback_url, 1, accepted_at, settled_at, NULL
           FROM {third-party}.channel_charges WHERE request_no = 'P-SHIPPED'`,
      ],
      ['lost P-NOBODY: payment: the channel took 1380, and it is not there'],
    ],
    [
      'a late payment nobody gives back',
      [
        "DELETE FROM {order}.order_refunds WHERE order_no = 'LATE'",
        "DELETE FROM {refund}.refunds WHERE order_no = 'LATE'",
        "DELETE FROM {payment}.payment_refunds WHERE order_no = 'LATE'",
        "DELETE FROM {third-party}.channel_refunds WHERE request_no = 'P-LATE'",
        "DELETE FROM {push}.notifications WHERE order_no = 'LATE' AND kind IN ('PaidTooLate', 'Refunded')",
      ],
      ['lost LATE: return of a late payment: P-LATE'],
    ],

    // Stock. Its keys do not let a movement be there twice.
    [
      'a reservation that is gone',
      ["DELETE FROM {stock}.reservations WHERE order_no = 'SHIPPED'"],
      ['lost SHIPPED: reservation'],
    ],
    [
      'goods that were not confirmed',
      [
        "UPDATE {stock}.reservations SET status = 'RESERVED' WHERE order_no = 'SHIPPED'",
        "DELETE FROM {stock}.stock_movements WHERE reference = 'SHIPPED' AND kind = 'CONFIRMED'",
        "UPDATE {stock}.stock_levels SET reserved = reserved + 2, sold = sold - 2 WHERE sku = 'TEA'",
      ],
      ['lost SHIPPED: stock CONFIRMED (it is RESERVED)', 'lost SHIPPED: CONFIRMED of 2 × TEA'],
    ],
    [
      'goods that were not let go',
      [
        "UPDATE {stock}.reservations SET status = 'RESERVED' WHERE order_no = 'CLOSED'",
        "DELETE FROM {stock}.stock_movements WHERE reference = 'CLOSED' AND kind = 'RELEASED'",
        "UPDATE {stock}.stock_levels SET reserved = reserved + 2, available = available - 2 WHERE sku = 'TEA'",
      ],
      ['lost CLOSED: stock RELEASED (it is RESERVED)', 'lost CLOSED: RELEASED of 2 × TEA'],
    ],
    [
      'goods sold and let go',
      [
        "INSERT INTO {stock}.stock_movements (sku, kind, quantity, reference, occurred_at) VALUES ('TEA', 'RELEASED', 2, 'SHIPPED', NOW())",
        "UPDATE {stock}.stock_levels SET reserved = reserved - 2, available = available + 2 WHERE sku = 'TEA'",
      ],
      [
        'duplicated SHIPPED: RELEASED of 2 × TEA',
        expect.stringMatching(/^wrong TEA: stock has \d+ available, -2 reserved/),
      ],
    ],
    [
      'less reserved than ordered',
      ["UPDATE {stock}.reservation_items SET quantity = 1 WHERE order_no = 'SHIPPED'"],
      ['wrong SHIPPED: what is reserved is not what was ordered'],
    ],
    [
      'a level that is not the sum of its movements',
      ["UPDATE {stock}.stock_levels SET available = 7 WHERE sku = 'MUG'"],
      [
        'wrong MUG: stock has 7 available, 0 reserved, 1 sold; its movements come to 999999 available, 0 reserved, 1 sold',
      ],
    ],
    [
      'a level that is gone',
      ["DELETE FROM {stock}.stock_levels WHERE sku = 'MUG'"],
      [
        'wrong MUG: stock has no available, no reserved, no sold; its movements come to 999999 available, 0 reserved, 1 sold',
      ],
    ],
    [
      'a refund that is not back on the shelf',
      [
        "DELETE FROM {stock}.stock_movements WHERE reference = 'R-PIECE'",
        "UPDATE {stock}.stock_levels SET sold = sold + 1, available = available - 1 WHERE sku = 'TEA'",
      ],
      ['lost PIECE: RESTOCKED of 1 × TEA'],
    ],
    [
      'a refund that is on the shelf twice',
      [
        "INSERT INTO {stock}.stock_movements (sku, kind, quantity, reference, occurred_at) VALUES ('TEA', 'RESTOCKED', 1, 'PIECE', NOW())",
        "UPDATE {stock}.stock_levels SET sold = sold - 1, available = available + 1 WHERE sku = 'TEA'",
      ],
      ['duplicated PIECE: RESTOCKED of 1 × TEA for PIECE'],
    ],

    // Points.
    [
      'points that are missing',
      [
        "DELETE FROM {points}.points_movements WHERE order_no = 'SHIPPED'",
        "UPDATE {points}.points_balances SET points = points - 13 WHERE user_id = 'anna'",
      ],
      ['lost SHIPPED: points'],
    ],
    [
      'points that are there twice',
      [
        "INSERT INTO {points}.points_movements (kind, reference, order_no, user_id, points, amount_minor, occurred_at) VALUES ('EARNED', 'AGAIN', 'SHIPPED', 'anna', 13, 1380, NOW())",
        "UPDATE {points}.points_balances SET points = points + 13 WHERE user_id = 'anna'",
      ],
      ['duplicated SHIPPED: points'],
    ],
    [
      'too many points',
      [
        "UPDATE {points}.points_movements SET points = 14 WHERE order_no = 'SHIPPED'",
        "UPDATE {points}.points_balances SET points = points + 1 WHERE user_id = 'anna'",
      ],
      ['wrong SHIPPED: 14 points for 1380, it should be 13'],
    ],
    [
      "another user's points",
      [
        "UPDATE {points}.points_movements SET user_id = 'user of CLOSED' WHERE order_no = 'SHIPPED'",
        "UPDATE {points}.points_balances SET points = points - 13 WHERE user_id = 'anna'",
        "INSERT INTO {points}.points_balances VALUES ('user of CLOSED', 13)",
      ],
      ['wrong SHIPPED: points of user of CLOSED, who has not placed it'],
    ],
    [
      'a balance that is not the sum of its movements',
      ["UPDATE {points}.points_balances SET points = 1000 WHERE user_id = 'anna'"],
      ['wrong anna: balance of 1000 points; the movements come to 26'],
    ],
    [
      'a balance that is gone',
      ["DELETE FROM {points}.points_balances WHERE user_id = 'anna'"],
      ['wrong anna: balance of no points; the movements come to 26'],
    ],
    [
      'points that were not taken back',
      [
        "DELETE FROM {points}.points_movements WHERE reference = 'R-UNPACKED'",
        "UPDATE {points}.points_balances SET points = points + 13 WHERE user_id = 'user of UNPACKED'",
      ],
      ['lost UNPACKED: deduction of points'],
    ],
    [
      'too few points taken back',
      [
        "UPDATE {points}.points_movements SET points = 5 WHERE reference = 'R-PIECE'",
        "UPDATE {points}.points_balances SET points = points + 1 WHERE user_id = 'user of PIECE'",
      ],
      ['wrong PIECE: 5 of 25 points deducted for 690 of 2580, it should be 6'],
    ],

    // Coupons and red packets.
    [
      'a coupon that is missing',
      ["DELETE FROM {coupon}.coupons WHERE order_no = 'PIECE'"],
      ['lost PIECE: coupon'],
    ],
    [
      'a coupon too many',
      [
        `INSERT INTO {coupon}.coupons (code, order_no, user_id, amount_minor, currency, issued_at, expires_at)
         VALUES ('C-CLOSED', 'CLOSED', 'user of CLOSED', 69, 'EUR', NOW(), NOW())`,
      ],
      ['duplicated CLOSED: coupon'],
    ],
    [
      'a red packet that is missing',
      ["DELETE FROM {coupon}.red_packets WHERE order_no = 'PIECE'"],
      ['lost PIECE: red packet'],
    ],
    [
      'a coupon that was not recalled',
      ["UPDATE {coupon}.coupons SET status = 'ISSUED' WHERE order_no = 'UNPACKED'"],
      ['lost UNPACKED: recall of the coupon'],
    ],
    [
      'a coupon recalled for nothing',
      ["UPDATE {coupon}.coupons SET status = 'RECALLED' WHERE order_no = 'PIECE'"],
      ['duplicated PIECE: recall of the coupon'],
    ],
    [
      'a red packet that was not recalled',
      ["UPDATE {coupon}.red_packets SET status = 'OPEN' WHERE order_no = 'UNPACKED'"],
      ['lost UNPACKED: recall of the red packet'],
    ],
    [
      'a red packet recalled for nothing',
      ["UPDATE {coupon}.red_packets SET status = 'RECALLED' WHERE order_no = 'PIECE'"],
      ['duplicated PIECE: recall of the red packet'],
    ],
    [
      'a coupon used and not taken',
      [
        "UPDATE {coupon}.coupons SET status = 'ISSUED', redeemed_by_order_no = NULL WHERE code = 'C-SHIPPED'",
      ],
      ['wrong COUPON: coupon C-SHIPPED is KEPT by the order, and nobody has it'],
    ],
    [
      'a coupon whose use nobody has noted',
      ["DELETE FROM {coupon}.redemptions WHERE order_no = 'COUPON'"],
      [
        'lost COUPON: redemption of C-SHIPPED',
        'wrong COUPON: coupon C-SHIPPED is taken by the order, which has not redeemed it',
      ],
    ],
    [
      'a coupon used and gone',
      ["DELETE FROM {coupon}.coupons WHERE code = 'C-SHIPPED'"],
      ['lost COUPON: coupon C-SHIPPED, which it uses', 'lost SHIPPED: coupon'],
    ],
    [
      'a coupon worth another discount',
      ["UPDATE {coupon}.coupons SET amount_minor = 70 WHERE code = 'C-SHIPPED'"],
      ['wrong COUPON: a discount of 69, its coupon gives 70'],
    ],
    [
      'a coupon that is only held by a paid order',
      ["UPDATE {coupon}.redemptions SET status = 'HELD' WHERE order_no = 'COUPON'"],
      ['lost COUPON: coupon C-SHIPPED KEPT (it is HELD)'],
    ],
    [
      'a coupon taken by an order that uses none',
      [
        `INSERT INTO {coupon}.redemptions VALUES ('CLOSED', 'C-PIECE', 'HELD', 'CLOSED', TRUE, NULL, NOW() - INTERVAL 1 DAY, NOW())`,
      ],
      ['wrong CLOSED: coupon C-PIECE is taken, the order uses none'],
    ],
    [
      'a coupon not given back by a closed order',
      [
        "UPDATE {coupon}.redemptions SET status = 'HELD' WHERE order_no = 'BACK'",
        "UPDATE {coupon}.coupons SET status = 'REDEEMED', redeemed_by_order_no = 'BACK' WHERE code = 'C-COUPON'",
      ],
      ['lost BACK: coupon C-COUPON RELEASED (it is HELD)'],
    ],
    [
      'a coupon given back that nobody else can use',
      [
        "UPDATE {coupon}.coupons SET status = 'REDEEMED', redeemed_by_order_no = 'BACK' WHERE code = 'C-COUPON'",
      ],
      ['wrong BACK: coupon C-COUPON is RELEASED by the order, and BACK has it'],
    ],
    [
      'one coupon used by two orders',
      ["UPDATE {coupon}.coupons SET redeemed_by_order_no = 'PIECE' WHERE code = 'C-SHIPPED'"],
      [
        'wrong COUPON: coupon C-SHIPPED is KEPT by the order, and PIECE has it',
        'wrong PIECE: coupon C-SHIPPED is taken by the order, which has not redeemed it',
      ],
    ],

    // Notifications.
    [
      'a notification that is missing',
      ["DELETE FROM {push}.notifications WHERE order_no = 'SHIPPED' AND kind = 'Paid'"],
      ['lost SHIPPED: push Paid'],
    ],
    [
      'a notification that is there twice',
      [
        `INSERT INTO {push}.notifications SELECT 'again', order_no, user_id, kind, text, recorded_at, delivered_at
         FROM {push}.notifications WHERE order_no = 'SHIPPED' AND kind = 'Paid'`,
      ],
      ['duplicated SHIPPED: push Paid'],
    ],
    [
      'a notification that is not delivered',
      [
        "UPDATE {push}.notifications SET delivered_at = NULL WHERE order_no = 'SHIPPED' AND kind = 'Paid'",
      ],
      ['lost SHIPPED: delivery of push Paid'],
    ],
    [
      'a notification of something that there is not',
      [
        "UPDATE {push}.notifications SET kind = 'Stolen' WHERE order_no = 'SHIPPED' AND kind = 'Paid'",
      ],
      ['lost SHIPPED: push Paid', 'wrong SHIPPED: push Stolen is none'],
    ],

    // The warehouse, and the carrier's books.
    [
      'a shipment that is missing',
      ["DELETE FROM {warehouse}.shipments WHERE order_no = 'SHIPPED'"],
      [
        'lost SHIPPED: shipment',
        'duplicated SHIPPED: parcel S-SHIPPED at the carrier, which nobody has packed',
      ],
    ],
    [
      'a shipment that stands still',
      [
        "UPDATE {warehouse}.shipments SET status = 'HANDING_OVER' WHERE order_no = 'SHIPPED'",
        "DELETE FROM {third-party}.carrier_shipments WHERE order_no = 'SHIPPED'",
      ],
      [
        'lost SHIPPED: shipping (HANDING_OVER)',
        'wrong SHIPPED: the order says it was shipped, its shipment is HANDING_OVER',
      ],
    ],
    [
      'a shipment the carrier does not know',
      ["DELETE FROM {third-party}.carrier_shipments WHERE order_no = 'SHIPPED'"],
      ['wrong SHIPPED: shipped, and the carrier has no parcel'],
    ],
    [
      'a parcel the warehouse does not know to have left',
      ["UPDATE {warehouse}.shipments SET status = 'HANDING_OVER' WHERE order_no = 'SHIPPED'"],
      [
        'lost SHIPPED: news that the carrier has the parcel',
        'wrong SHIPPED: the order says it was shipped, its shipment is HANDING_OVER',
      ],
    ],
    [
      'a parcel that is at the carrier twice',
      [
        `INSERT INTO {third-party}.carrier_shipments SELECT 'S-AGAIN', status, 'TRK-AGAIN', order_no, items, accepted_at
         FROM {third-party}.carrier_shipments WHERE order_no = 'SHIPPED'`,
      ],
      ['duplicated SHIPPED: parcel S-AGAIN at the carrier, which nobody has packed'],
    ],
    [
      'a parcel that is cancelled and has left',
      [
        `INSERT INTO {third-party}.carrier_shipments VALUES ('S-UNPACKED', 'ACCEPTED', 'TRK-UNPACKED', 'UNPACKED', '[]', NOW())`,
      ],
      ['wrong UNPACKED: cancelled, and the carrier has the parcel'],
    ],
    [
      'a parcel with other goods in it',
      [
        `UPDATE {third-party}.carrier_shipments SET items = '[{"sku":"MUG","quantity":2}]' WHERE order_no = 'SHIPPED'`,
      ],
      ['wrong SHIPPED: the carrier has another parcel than was packed'],
    ],
    [
      'less packed than ordered',
      ["UPDATE {warehouse}.shipment_items SET quantity = 1 WHERE shipment_no = 'S-SHIPPED'"],
      [
        'wrong SHIPPED: what is packed is not what was ordered',
        'wrong SHIPPED: the carrier has another parcel than was packed',
      ],
    ],
    [
      'goods taken out of a parcel for nothing',
      [
        "UPDATE {warehouse}.shipment_items SET cancelled_quantity = 1 WHERE shipment_no = 'S-SHIPPED'",
      ],
      [
        'wrong SHIPPED: what was taken out of the parcel is not what was refunded before it left',
        'wrong SHIPPED: the carrier has another parcel than was packed',
      ],
    ],
    [
      'a refund whose goods nobody has waited for',
      ["DELETE FROM {warehouse}.goods_returns WHERE refund_no = 'R-PIECE'"],
      ['lost PIECE: return of the goods of refund R-PIECE'],
    ],
    [
      'a refund whose goods have not come back',
      ["UPDATE {warehouse}.goods_returns SET status = 'AWAITED' WHERE refund_no = 'R-PIECE'"],
      ['wrong PIECE: refund R-PIECE is completed, its goods have not come back'],
    ],

    // Refunds.
    [
      'a refund that is stuck',
      [
        "UPDATE {refund}.refunds SET status = 'STUCK' WHERE order_no = 'MAIL'",
        "UPDATE {refund}.refund_steps SET status = 'FAILED' WHERE refund_no = 'R-MAIL' AND step = 'ReturnGoods'",
      ],
      ['lost MAIL: end of refund R-MAIL (STUCK, ReturnGoods FAILED)'],
    ],
    [
      'a refund that stands still although the goods are back',
      ["UPDATE {warehouse}.goods_returns SET status = 'RECEIVED' WHERE refund_no = 'R-MAIL'"],
      ['lost MAIL: end of refund R-MAIL (RUNNING, ReturnGoods DUE)'],
    ],
    [
      'a refund nobody has begun',
      [
        "DELETE FROM {refund}.refunds WHERE order_no = 'MAIL'",
        "DELETE FROM {warehouse}.goods_returns WHERE order_no = 'MAIL'",
      ],
      ['lost MAIL: end of refund R-MAIL (not begun)'],
    ],
    [
      'a refund completed without its steps',
      [
        "UPDATE {refund}.refund_steps SET status = 'WAITING' WHERE refund_no = 'R-PIECE' AND step = 'ReturnMoney'",
      ],
      ['wrong PIECE: refund R-PIECE is completed, but for ReturnMoney WAITING'],
    ],
    [
      'a refund completed without its saga',
      ["DELETE FROM {refund}.refunds WHERE order_no = 'PIECE'"],
      ['wrong PIECE: refund R-PIECE is completed, its saga is not there'],
    ],
    [
      'a refund completed without money',
      [
        "DELETE FROM {payment}.payment_refunds WHERE refund_no = 'R-PIECE'",
        "DELETE FROM {third-party}.channel_refunds WHERE refund_no = 'R-PIECE'",
      ],
      ['lost PIECE: money of refund R-PIECE'],
    ],
    [
      'money given back that the channel does not know of',
      ["DELETE FROM {third-party}.channel_refunds WHERE refund_no = 'R-PIECE'"],
      ['wrong PIECE: refund of 690, the channel gave back 0'],
    ],
    [
      'money given back twice',
      [
        `INSERT INTO {payment}.payment_refunds (refund_no, payment_no, order_no, amount_minor, status, is_refused, attempt_count, event_id, created_at, updated_at)
         SELECT 'R-AGAIN', payment_no, order_no, amount_minor, status, is_refused, 1, 'again', created_at, updated_at FROM {payment}.payment_refunds WHERE refund_no = 'R-PIECE'`,
        `INSERT INTO {third-party}.channel_refunds SELECT 'R-AGAIN', request_no, amount_minor, currency, refunded_at
         FROM {third-party}.channel_refunds WHERE refund_no = 'R-PIECE'`,
      ],
      ['duplicated PIECE: money of refund R-AGAIN'],
    ],
    [
      'money given back twice by the channel alone',
      [
        `INSERT INTO {third-party}.channel_refunds SELECT 'R-AGAIN', request_no, amount_minor, currency, refunded_at
         FROM {third-party}.channel_refunds WHERE refund_no = 'R-PIECE'`,
      ],
      ['duplicated PIECE: money of refund R-AGAIN at the channel'],
    ],
    [
      'more refunded than the goods came to',
      [
        "UPDATE {order}.order_refunds SET amount_minor = 2000 WHERE refund_no = 'R-PIECE'",
        "UPDATE {refund}.refunds SET refund_minor = 2000 WHERE refund_no = 'R-PIECE'",
        "UPDATE {payment}.payment_refunds SET amount_minor = 2000 WHERE refund_no = 'R-PIECE'",
        "UPDATE {third-party}.channel_refunds SET amount_minor = 2000 WHERE refund_no = 'R-PIECE'",
      ],
      [
        'wrong PIECE: 6 of 25 points deducted for 2000 of 2580, it should be 19',
        'wrong PIECE: 2000 refunded of 2580, the goods came to 690',
      ],
    ],
    [
      'more pieces refunded than were ordered',
      ["UPDATE {order}.order_refund_items SET quantity = 3 WHERE refund_no = 'R-PIECE'"],
      [
        'lost PIECE: RESTOCKED of 2 × TEA',
        'wrong PIECE: 3 × TEA refunded of 2',
        'wrong PIECE: 690 refunded of 2580, the goods came to 2070',
      ],
    ],
    [
      'a refund of part that says it is the rest',
      ["UPDATE {order}.order_refunds SET is_whole = TRUE WHERE refund_no = 'R-PIECE'"],
      [
        'wrong PIECE: PARTIALLY_REFUNDED, and its refunds say REFUNDED',
        'lost PIECE: recall of the coupon',
        'lost PIECE: recall of the red packet',
        'wrong PIECE: 1 refund(s) of all that was left, and the goods say otherwise',
      ],
    ],
    [
      'a refund of which the order knows nothing',
      [
        `INSERT INTO {refund}.refunds SELECT 'R-AGAIN', order_no, user_id, payment_no, reason, status, refund_minor, order_total_minor, currency, items, is_whole, requested_at, completed_at
         FROM {refund}.refunds WHERE refund_no = 'R-PIECE'`,
      ],
      ['duplicated PIECE: refund R-AGAIN'],
    ],

    // Messages.
    [
      'a message that is not sent',
      [
        `INSERT INTO {refund}.outbox_messages (event_id, topic, tag, message_key, body, created_at)
         VALUES ('an event', 'REFUND_EVENTS', 'Restock', 'MAIL', '{}', NOW() - INTERVAL 1 DAY)`,
      ],
      ['lost MAIL: REFUND_EVENTS/Restock, unsent in the outbox of refund'],
    ],

    // What belongs to no order.
    [
      'a reservation of no order',
      [
        "INSERT INTO {stock}.reservations VALUES ('NOBODY', 'RESERVED', 'key', FALSE, NOW() - INTERVAL 1 DAY, NOW())",
      ],
      ['duplicated NOBODY: reservation of an order that is not there'],
    ],
    [
      'goods that went and did not come back for no order',
      [
        "INSERT INTO {stock}.reservations VALUES ('NOBODY', 'RELEASED', 'key', FALSE, NOW(), NOW())",
        "INSERT INTO {stock}.stock_movements (sku, kind, quantity, reference, occurred_at) VALUES ('TEA', 'RESERVED', 2, 'NOBODY', NOW())",
        "UPDATE {stock}.stock_levels SET reserved = reserved + 2, available = available - 2 WHERE sku = 'TEA'",
      ],
      ['lost NOBODY: counterpart of RESERVED of 2 × TEA, there is no order'],
    ],
    [
      'goods sold to nobody',
      [
        "INSERT INTO {stock}.stock_movements (sku, kind, quantity, reference, occurred_at) VALUES ('TEA', 'RESERVED', 2, 'NOBODY', NOW()), ('TEA', 'CONFIRMED', 2, 'NOBODY', NOW())",
        "UPDATE {stock}.stock_levels SET sold = sold + 2, available = available - 2 WHERE sku = 'TEA'",
      ],
      [
        'duplicated NOBODY: CONFIRMED of 2 × TEA for an order that is not there',
        'lost NOBODY: counterpart of RESERVED of 2 × TEA, there is no order',
      ],
    ],
    [
      'a payment of no order',
      [
        "INSERT INTO {payment}.payments (payment_no, order_no, amount_minor, currency, status, created_at, settled_at, failure) VALUES ('P-NOBODY', 'NOBODY', 1, 'EUR', 'FAILED', NOW(), NOW(), 'no')",
      ],
      ['duplicated NOBODY: payment of an order that is not there'],
    ],
    [
      'points of no order',
      [
        "INSERT INTO {points}.points_movements (kind, reference, order_no, user_id, points, amount_minor, occurred_at) VALUES ('EARNED', 'NOBODY', 'NOBODY', 'anna', 0, 0, NOW())",
      ],
      ['duplicated NOBODY: points of an order that is not there'],
    ],
    [
      'a coupon of no order, whatever its number',
      [
        `INSERT INTO {coupon}.coupons (code, order_no, user_id, amount_minor, currency, issued_at, expires_at)
         VALUES ('C-NOBODY', 'NÖBODY', 'anna', 69, 'EUR', NOW(), NOW())`,
      ],
      ['duplicated NÖBODY: coupon of an order that is not there'],
    ],
    [
      'a red packet of no order',
      ["UPDATE {coupon}.red_packets SET order_no = 'NOBODY' WHERE order_no = 'PIECE'"],
      ['lost PIECE: red packet', 'duplicated NOBODY: red packet of an order that is not there'],
    ],
    [
      'a coupon used by no order',
      [
        "INSERT INTO {coupon}.redemptions VALUES ('NOBODY', 'C-PIECE', 'HELD', 'key', FALSE, NULL, NOW() - INTERVAL 1 DAY, NOW())",
      ],
      ['duplicated NOBODY: redemption of an order that is not there'],
    ],
    [
      'a notification of no order',
      [
        "UPDATE {push}.notifications SET order_no = 'closed' WHERE order_no = 'CLOSED' AND kind = 'Closed'",
      ],
      ['lost CLOSED: push Closed', 'duplicated closed: push of an order that is not there'],
    ],
    [
      'a shipment of no order',
      [
        "INSERT INTO {warehouse}.shipments VALUES ('S-NOBODY', 'NOBODY', 'REQUESTED', NULL, NOW(), NULL)",
      ],
      ['duplicated NOBODY: shipment of an order that is not there'],
    ],
    [
      'a refund of no order',
      [
        `INSERT INTO {refund}.refunds SELECT 'R-NOBODY', 'NOBODY', user_id, payment_no, reason, status, refund_minor, order_total_minor, currency, items, is_whole, requested_at, completed_at
         FROM {refund}.refunds WHERE refund_no = 'R-PIECE'`,
      ],
      ['duplicated NOBODY: refund of an order that is not there'],
    ],
  ])('finds %s, and nothing else', async (_what, damage, expected) => {
    for (const statement of damage) await shop.sql(statement);
    expect(await findings()).toEqual(expected);
  });

  it('takes what was reserved and let go for an order that was never placed for nothing', async () => {
    await shop.sql(
      "INSERT INTO {stock}.reservations VALUES ('NEVER', 'RELEASED', 'key', FALSE, NOW(), NOW())",
    );
    await shop.sql(`INSERT INTO {stock}.stock_movements (sku, kind, quantity, reference, occurred_at)
      VALUES ('TEA', 'RESERVED', 2, 'NEVER', NOW()), ('TEA', 'RELEASED', 2, 'NEVER', NOW())`);
    await shop.sql(
      "INSERT INTO {coupon}.redemptions VALUES ('NEVER', NULL, 'RELEASED', NULL, FALSE, NULL, NOW(), NOW())",
    );
    expect(await findings()).toEqual([]);
  });
});

describe('an audit while the shop is open', () => {
  const now = new Date();

  it('calls what is missing of a young order under way, and what is too much duplicated', async () => {
    await shop.tell([
      { orderNo: 'YOUNG', end: 'paid', at: now },
      { orderNo: 'OPEN', end: 'pending', at: now },
    ]);
    await shop.sql("DELETE FROM {coupon}.coupons WHERE order_no = 'YOUNG'");
    expect(await shop.audit.ofAll({ graceMs: 60_000, openMs: 60_000 })).toMatchObject({
      orders: 2,
      underWay: 2,
      findings: [],
    });
    await shop.sql(
      "INSERT INTO {push}.notifications VALUES ('again', 'YOUNG', 'user of YOUNG', 'Paid', '', NOW(), NOW())",
    );
    expect(await findings({ graceMs: 60_000, openMs: 60_000 })).toEqual([
      'duplicated YOUNG: push Paid',
    ]);
    expect(await findings({ graceMs: 60_000, openMs: 0 })).toEqual([
      'lost OPEN: payment or closing',
      'duplicated YOUNG: push Paid',
    ]);
    expect(await findings({ graceMs: 0, openMs: 60_000 })).toEqual([
      'lost YOUNG: coupon',
      'duplicated YOUNG: push Paid',
      'lost YOUNG: shipping (REQUESTED)',
    ]);
  });

  it('counts an old order as young when something has just happened to it', async () => {
    await shop.tell(stories);
    await shop.sql(
      "UPDATE {warehouse}.goods_returns SET status = 'RECEIVED', settled_at = UTC_TIMESTAMP(3) WHERE refund_no = 'R-MAIL'",
    );
    expect(await findings({ graceMs: 60_000, openMs: 0 })).toEqual([]);
  });

  it('gives what is set aside, and what is to be sent, the time it may take', async () => {
    await shop.tell([]);
    await shop.sql(
      "INSERT INTO {stock}.reservations VALUES ('COMING', 'RESERVED', 'key', FALSE, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))",
    );
    await shop.sql(`INSERT INTO {order}.outbox_messages (event_id, topic, tag, message_key, body, created_at)
      VALUES ('an event', 'ORDER_EVENTS', 'Paid', 'COMING', '{}', UTC_TIMESTAMP(3))`);
    expect(await findings({ graceMs: 60_000, openMs: 60_000 })).toEqual([]);
    expect(await findings({ graceMs: 60_000, openMs: 0 })).toEqual([
      'duplicated COMING: reservation of an order that is not there',
    ]);
    expect(await findings({ graceMs: 0, openMs: 60_000 })).toEqual([
      'lost COMING: ORDER_EVENTS/Paid, unsent in the outbox of order',
    ]);
  });

  it('judges every order of a shop with many of them', async () => {
    const many = Array.from({ length: 2_345 }, (_, index) => ({
      orderNo: `N-${String(index).padStart(5, '0')}`,
      end: 'shipped' as const,
      at,
    }));
    await shop.tell(many);
    // At the edges of the pages of 1,000.
    const damaged = ['N-00000', 'N-00999', 'N-01000', 'N-02000', 'N-02344'];
    for (const orderNo of damaged) {
      await shop.sql(`DELETE FROM {coupon}.red_packets WHERE order_no = '${orderNo}'`);
    }
    const report = await shop.audit.ofAll(calm);
    expect(report).toMatchObject({ orders: 2_345, byStatus: { SHIPPED: 2_345 } });
    expect(report.findings.map(({ orderNo }) => orderNo)).toEqual(damaged);
  }, 60_000);

  it('judges the orders it is asked about, and says of one that is not there that it is lost', async () => {
    await shop.tell(stories);
    const verdicts = await shop.audit.ofOrders(['CLOSED', 'NEVER-PLACED']);
    expect(verdicts.map(({ findings: found }) => found)).toEqual([
      [],
      [{ orderNo: 'NEVER-PLACED', kind: 'lost', what: 'order' }],
    ]);
    expect(await shop.audit.ofOrders([])).toEqual([]);
  });
});

describe('an audit where no shop was', () => {
  it('names the schemas that are not there', async () => {
    expect(await shop.audit.missingSchemas()).toEqual([]);
    const names = { ...shop.schemas, points: 'millrace_nowhere', refund: 'millrace_none' };
    const audit = await Audit.open(process.env['DATABASE_URL'] ?? '', names);
    try {
      expect(await audit.missingSchemas()).toEqual(['millrace_nowhere', 'millrace_none']);
    } finally {
      await audit.close();
    }
  });

  it('knows the schemas of all services', () => {
    expect(Object.keys(schemas)).toEqual(Object.keys(shop.schemas));
  });
});
