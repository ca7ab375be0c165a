import type { Connection, RowDataPacket } from 'mysql2/promise';
import { less } from './comparison.ts';
import type { OrderFacts, Quantities } from './order-facts.ts';
import type { Schemas } from './schemas.ts';

type Row = RowDataPacket;

/**
 * Reads what the schemas hold of some orders. It asks the databases and nobody else, and each table once, whatever the number
 * of orders.
 */
export async function readFacts(
  connection: Connection,
  s: Schemas,
  orderNos: readonly string[],
): Promise<OrderFacts[]> {
  if (orderNos.length === 0) return [];
  // An empty list is no SQL, and NULL is in no list.
  const rows = async (sql: string, ...keys: (readonly string[])[]): Promise<Row[]> => {
    const lists = (keys.length === 0 ? [orderNos] : keys).map((list) =>
      list.length === 0 ? null : list,
    );
    if (lists.every((list) => list === null)) return [];
    const [found] = await connection.query<Row[]>(sql, lists);
    return found;
  };
  const orders = await rows(
    `SELECT o.*, (SELECT COALESCE(SUM(quantity * unit_price_minor), 0) FROM ${s.order}.order_items AS i
        WHERE i.order_no = o.order_no) AS items_minor
       FROM ${s.order}.orders AS o WHERE order_no IN (?)`,
  );
  const items = await rows(
    `SELECT order_no, sku, SUM(quantity) AS quantity, MAX(unit_price_minor) AS unit_price_minor
       FROM ${s.order}.order_items WHERE order_no IN (?) GROUP BY order_no, sku`,
  );
  const orderRefunds = await rows(`SELECT * FROM ${s.order}.order_refunds WHERE order_no IN (?)`);
  const refundNos = texts(orderRefunds, 'refund_no');
  const refundItems = await rows(
    `SELECT * FROM ${s.order}.order_refund_items WHERE refund_no IN (?)`,
    refundNos,
  );
  const payments = await rows(`SELECT * FROM ${s.payment}.payments WHERE order_no IN (?)`);
  const paymentNos = texts(payments, 'payment_no');
  // By keys of its own: there is no index on the order.
  const paymentRefunds = await rows(
    `SELECT * FROM ${s.payment}.payment_refunds WHERE payment_no IN (?)
      UNION SELECT * FROM ${s.payment}.payment_refunds WHERE refund_no IN (?)`,
    paymentNos,
    refundNos,
  );
  const charges = await rows(
    `SELECT * FROM ${s['third-party']}.channel_charges WHERE request_no IN (?)`,
    paymentNos,
  );
  const channelRefunds = await rows(
    `SELECT * FROM ${s['third-party']}.channel_refunds WHERE request_no IN (?)`,
    paymentNos,
  );
  const reservations = await rows(`SELECT * FROM ${s.stock}.reservations WHERE order_no IN (?)`);
  const reserved = await rows(`SELECT * FROM ${s.stock}.reservation_items WHERE order_no IN (?)`);
  const movements = await rows(
    `SELECT kind, reference, sku, quantity FROM ${s.stock}.stock_movements WHERE reference IN (?)`,
    [...orderNos, ...refundNos],
  );
  const points = await rows(`SELECT * FROM ${s.points}.points_movements WHERE order_no IN (?)`);
  const coupons = await rows(`SELECT * FROM ${s.coupon}.coupons WHERE order_no IN (?)`);
  const redPackets = await rows(`SELECT * FROM ${s.coupon}.red_packets WHERE order_no IN (?)`);
  const redemptions = await rows(`SELECT * FROM ${s.coupon}.redemptions WHERE order_no IN (?)`);
  const usedCoupons = await rows(
    `SELECT * FROM ${s.coupon}.coupons WHERE code IN (?)`,
    texts(orders, 'coupon_code'),
  );
  const notifications = await rows(`SELECT * FROM ${s.push}.notifications WHERE order_no IN (?)`);
  const shipments = await rows(`SELECT * FROM ${s.warehouse}.shipments WHERE order_no IN (?)`);
  const shipmentNos = texts(shipments, 'shipment_no');
  const packed = await rows(
    `SELECT * FROM ${s.warehouse}.shipment_items WHERE shipment_no IN (?)`,
    shipmentNos,
  );
  const goodsReturns = await rows(
    `SELECT * FROM ${s.warehouse}.goods_returns WHERE order_no IN (?)`,
  );
  const parcels = await rows(
    `SELECT * FROM ${s['third-party']}.carrier_shipments WHERE request_no IN (?)`,
    shipmentNos,
  );
  const refunds = await rows(`SELECT * FROM ${s.refund}.refunds WHERE order_no IN (?)`);
  const steps = await rows(
    `SELECT * FROM ${s.refund}.refund_steps WHERE refund_no IN (?) ORDER BY position`,
    texts(refunds, 'refund_no'),
  );

  const by = (rowsOf: readonly Row[], column: string): ReadonlyMap<string, Row[]> =>
    grouped(rowsOf, (row) => String(row[column]));
  const refundOrder = new Map(
    orderRefunds.map((row) => [String(row['refund_no']), String(row['order_no'])]),
  );
  const paymentOrder = new Map(
    payments.map((row) => [String(row['payment_no']), String(row['order_no'])]),
  );
  const shipmentOrder = new Map(
    shipments.map((row) => [String(row['shipment_no']), String(row['order_no'])]),
  );
  const payerOf = (row: Row): string => paymentOrder.get(String(row['request_no'])) ?? '';
  const tables = {
    orders: by(orders, 'order_no'),
    items: by(items, 'order_no'),
    orderRefunds: by(orderRefunds, 'order_no'),
    payments: by(payments, 'order_no'),
    paymentRefunds: grouped(
      paymentRefunds,
      (row) =>
        refundOrder.get(String(row['refund_no'])) ??
        paymentOrder.get(String(row['payment_no'])) ??
        '',
    ),
    charges: grouped(charges, payerOf),
    channelRefunds: grouped(channelRefunds, payerOf),
    reservations: by(reservations, 'order_no'),
    reserved: by(reserved, 'order_no'),
    movements: grouped(movements, (row) => {
      const reference = String(row['reference']);
      return refundOrder.get(reference) ?? reference;
    }),
    points: by(points, 'order_no'),
    coupons: by(coupons, 'order_no'),
    redPackets: by(redPackets, 'order_no'),
    redemptions: by(redemptions, 'order_no'),
    notifications: by(notifications, 'order_no'),
    shipments: by(shipments, 'order_no'),
    parcels: grouped(parcels, (row) => shipmentOrder.get(String(row['request_no'])) ?? ''),
    goodsReturns: by(goodsReturns, 'order_no'),
    refunds: by(refunds, 'order_no'),
  };
  const refundItemsOf = by(refundItems, 'refund_no');
  const packedOf = by(packed, 'shipment_no');
  const stepsOf = by(steps, 'refund_no');
  const couponOf = by(usedCoupons, 'code');
  return orderNos.map((orderNo): OrderFacts => {
    const of = (name: keyof typeof tables): readonly Row[] => tables[name].get(orderNo) ?? [];
    const [order] = of('orders');
    const [reservation] = of('reservations');
    const [redemption] = of('redemptions');
    const [usedCoupon] = couponOf.get(String(order?.['coupon_code'])) ?? [];
    const sagaSteps = of('refunds').flatMap((row) => stepsOf.get(String(row['refund_no'])) ?? []);
    return {
      orderNo,
      order: order && {
        status: order['status'],
        userId: order['user_id'],
        discountMinor: number(order, 'discount_minor'),
        couponCode: order['coupon_code'] ?? undefined,
        totalMinor: number(order, 'total_minor'),
        itemsMinor: number(order, 'items_minor'),
        placedAt: order['placed_at'],
        paidAt: order['paid_at'] ?? undefined,
        paymentNo: order['payment_no'] ?? undefined,
        closedAt: order['closed_at'] ?? undefined,
        shippedAt: order['shipped_at'] ?? undefined,
      },
      ordered: quantities(of('items')),
      prices: quantities(of('items'), (row) => number(row, 'unit_price_minor')),
      orderRefunds: of('orderRefunds').map((row) => ({
        refundNo: row['refund_no'],
        reason: row['reason'],
        paymentNo: row['payment_no'],
        amountMinor: number(row, 'amount_minor'),
        isWhole: Boolean(row['is_whole']),
        requestedAt: row['requested_at'],
        completedAt: row['completed_at'] ?? undefined,
        items: quantities(refundItemsOf.get(String(row['refund_no'])) ?? []),
      })),
      payments: of('payments').map((row) => ({
        paymentNo: row['payment_no'],
        status: row['status'],
        amountMinor: number(row, 'amount_minor'),
      })),
      paymentRefunds: of('paymentRefunds').map((row) => ({
        refundNo: row['refund_no'],
        paymentNo: row['payment_no'],
        amountMinor: number(row, 'amount_minor'),
        status: row['status'],
      })),
      charges: of('charges').map((row) => ({
        paymentNo: row['request_no'],
        status: row['status'],
        amountMinor: number(row, 'amount_minor'),
      })),
      channelRefunds: of('channelRefunds').map((row) => ({
        refundNo: row['refund_no'],
        amountMinor: number(row, 'amount_minor'),
      })),
      reservation: reservation && {
        status: reservation['status'],
        items: quantities(of('reserved')),
      },
      stockMovements: of('movements').map((row) => ({
        kind: row['kind'],
        reference: row['reference'],
        sku: row['sku'],
        quantity: number(row, 'quantity'),
      })),
      pointsMovements: of('points').map((row) => ({
        kind: row['kind'],
        reference: row['reference'],
        userId: row['user_id'],
        points: number(row, 'points'),
      })),
      coupons: of('coupons').map((row) => ({
        code: row['code'],
        userId: row['user_id'],
        status: row['status'],
        isRecallAsked: row['recall_asked_at'] !== null,
        issuedAt: row['issued_at'],
      })),
      redPackets: of('redPackets').map((row) => ({
        userId: row['user_id'],
        status: row['status'],
      })),
      redemption: redemption && { code: redemption['code'] ?? '', status: redemption['status'] },
      usedCoupon: usedCoupon && {
        userId: usedCoupon['user_id'],
        amountMinor: number(usedCoupon, 'amount_minor'),
        usedBy: usedCoupon['redeemed_by_order_no'] ?? undefined,
      },
      notifications: of('notifications').map((row) => ({
        kind: row['kind'],
        userId: row['user_id'],
        recordedAt: row['recorded_at'],
        isDelivered: row['delivered_at'] !== null,
      })),
      shipments: of('shipments').map((row) => {
        const goods = packedOf.get(String(row['shipment_no'])) ?? [];
        return {
          shipmentNo: row['shipment_no'],
          status: row['status'],
          packed: quantities(goods),
          content: less(
            quantities(goods),
            quantities(goods, (item) => number(item, 'cancelled_quantity')),
          ),
        };
      }),
      carrierShipments: of('parcels').map((row) => ({
        shipmentNo: row['request_no'],
        status: row['status'],
        items: quantities(JSON.parse(String(row['items'])) as Row[]),
      })),
      goodsReturns: of('goodsReturns').map((row) => ({
        refundNo: row['refund_no'],
        status: row['status'],
      })),
      refunds: of('refunds').map((row) => ({
        refundNo: row['refund_no'],
        status: row['status'],
        refundMinor: number(row, 'refund_minor'),
        openSteps: (stepsOf.get(String(row['refund_no'])) ?? [])
          .filter((step) => step['status'] !== 'DONE')
          .map((step) => `${step['step']} ${step['status']}`),
      })),
      notedAt: [
        ...times(of('payments'), 'created_at', 'settled_at'),
        ...times(of('shipments'), 'requested_at', 'shipped_at'),
        ...times(of('goodsReturns'), 'settled_at'),
        ...times(sagaSteps, 'changed_at'),
        ...times(of('refunds'), 'completed_at'),
      ],
    };
  });
}

function grouped(rows: readonly Row[], keyOf: (row: Row) => string): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [row]);
    else known.push(row);
  }
  return groups;
}

/** DECIMAL and BIGINT arrive as text. */
function number(row: Row, column: string): number {
  return Number(row[column]);
}

function texts(rows: readonly Row[], column: string): string[] {
  return rows.map((row) => row[column] as unknown).filter((value) => typeof value === 'string');
}

function times(rows: readonly Row[], ...columns: readonly string[]): Date[] {
  return rows
    .flatMap((row) => columns.map((column) => row[column] as unknown))
    .filter((value) => value instanceof Date);
}

function quantities(
  rows: readonly Row[],
  of: (row: Row) => number = (row) => number(row, 'quantity'),
): Quantities {
  return new Map(rows.map((row) => [String(row['sku']), of(row)]));
}
