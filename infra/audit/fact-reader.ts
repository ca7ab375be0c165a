import type { Connection, RowDataPacket } from 'mysql2/promise';
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
  const rows = async (sql: string, keys: readonly string[] = orderNos): Promise<Row[]> => {
    if (keys.length === 0) return [];
    const [found] = await connection.query<Row[]>(sql, [keys]);
    return found;
  };
  const orders = await rows(
    `SELECT o.*, (SELECT COALESCE(SUM(quantity * unit_price_minor), 0) FROM ${s.order}.order_items AS i
        WHERE i.order_no = o.order_no) AS items_minor
       FROM ${s.order}.orders AS o WHERE order_no IN (?)`,
  );
  const items = await rows(
    `SELECT order_no, sku, SUM(quantity) AS quantity FROM ${s.order}.order_items
      WHERE order_no IN (?) GROUP BY order_no, sku`,
  );
  const orderRefunds = await rows(`SELECT * FROM ${s.order}.order_refunds WHERE order_no IN (?)`);
  const refundNos = texts(orderRefunds, 'refund_no');
  const refundItems = await rows(
    `SELECT * FROM ${s.order}.order_refund_items WHERE refund_no IN (?)`,
    refundNos,
  );
  const payments = await rows(`SELECT * FROM ${s.payment}.payments WHERE order_no IN (?)`);
  const paymentNos = texts(payments, 'payment_no');
  const paymentRefunds = await rows(
    `SELECT * FROM ${s.payment}.payment_refunds WHERE order_no IN (?)`,
  );
  const charges = await rows(
    `SELECT * FROM ${s['third-party']}.channel_charges WHERE request_no IN (?)`,
    [...paymentNos, ...texts(orders, 'payment_no')],
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
  const notifications = await rows(`SELECT * FROM ${s.push}.notifications WHERE order_no IN (?)`);
  const shipments = await rows(`SELECT * FROM ${s.warehouse}.shipments WHERE order_no IN (?)`);
  const parcels = await rows(
    `SELECT * FROM ${s['third-party']}.carrier_shipments WHERE order_no IN (?)`,
  );
  const refunds = await rows(`SELECT * FROM ${s.refund}.refunds WHERE order_no IN (?)`);
  const steps = await rows(
    `SELECT * FROM ${s.refund}.refund_steps WHERE refund_no IN (?) AND status <> 'DONE' ORDER BY position`,
    texts(refunds, 'refund_no'),
  );

  const byOrder = new ByOrder(orderNos);
  const refundOrder = new Map(
    orderRefunds.map((row) => [String(row['refund_no']), String(row['order_no'])]),
  );
  const paymentOrder = new Map([
    ...payments.map((row) => [String(row['payment_no']), String(row['order_no'])] as const),
    ...orders.map((row) => [String(row['payment_no']), String(row['order_no'])] as const),
  ]);
  const orderOf = byOrder.of;
  const paymentsOf = (row: Row): string => paymentOrder.get(String(row['request_no'])) ?? '';
  const tables = {
    orders: orderOf(orders),
    items: orderOf(items),
    orderRefunds: orderOf(orderRefunds),
    payments: orderOf(payments),
    paymentRefunds: orderOf(paymentRefunds),
    charges: orderOf(charges, paymentsOf),
    channelRefunds: orderOf(channelRefunds, paymentsOf),
    reservations: orderOf(reservations),
    reserved: orderOf(reserved),
    movements: orderOf(movements, (row) => {
      const reference = String(row['reference']);
      return refundOrder.get(reference) ?? reference;
    }),
    points: orderOf(points),
    coupons: orderOf(coupons),
    redPackets: orderOf(redPackets),
    redemptions: orderOf(redemptions),
    notifications: orderOf(notifications),
    shipments: orderOf(shipments),
    parcels: orderOf(parcels),
    refunds: orderOf(refunds),
  };
  return orderNos.map((orderNo): OrderFacts => {
    const of = (name: keyof typeof tables): readonly Row[] => tables[name].get(orderNo) ?? [];
    const [order] = of('orders');
    const [reservation] = of('reservations');
    const [redemption] = of('redemptions');
    return {
      orderNo,
      order: order && {
        status: order['status'],
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
      orderRefunds: of('orderRefunds').map((row) => ({
        refundNo: row['refund_no'],
        reason: row['reason'],
        paymentNo: row['payment_no'],
        amountMinor: number(row, 'amount_minor'),
        isWhole: Boolean(row['is_whole']),
        requestedAt: row['requested_at'],
        completedAt: row['completed_at'] ?? undefined,
        items: quantities(refundItems.filter((item) => item['refund_no'] === row['refund_no'])),
      })),
      payments: of('payments').map((row) => ({
        paymentNo: row['payment_no'],
        status: row['status'],
        amountMinor: number(row, 'amount_minor'),
        createdAt: row['created_at'],
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
        points: number(row, 'points'),
      })),
      coupons: of('coupons').map((row) => ({
        code: row['code'],
        status: row['status'],
        issuedAt: row['issued_at'],
      })),
      redPackets: of('redPackets').map((row) => ({ status: row['status'] })),
      redemption: redemption && { code: redemption['code'] ?? '', status: redemption['status'] },
      notifications: of('notifications').map((row) => ({
        kind: row['kind'],
        recordedAt: row['recorded_at'],
        isDelivered: row['delivered_at'] !== null,
      })),
      shipments: of('shipments').map((row) => ({
        shipmentNo: row['shipment_no'],
        status: row['status'],
      })),
      carrierShipments: of('parcels').map((row) => ({
        shipmentNo: row['request_no'],
        status: row['status'],
      })),
      refunds: of('refunds').map((row) => ({
        refundNo: row['refund_no'],
        status: row['status'],
        refundMinor: number(row, 'refund_minor'),
        completedAt: row['completed_at'] ?? undefined,
        openSteps: steps
          .filter((step) => step['refund_no'] === row['refund_no'])
          .map((step) => `${step['step']} ${step['status']}`),
      })),
    };
  });
}

/** Sorts rows by the order they are about. */
class ByOrder {
  readonly #orderNos: ReadonlySet<string>;

  constructor(orderNos: readonly string[]) {
    this.#orderNos = new Set(orderNos);
  }

  readonly of = (
    rows: readonly Row[],
    orderNoOf: (row: Row) => string = (row) => String(row['order_no']),
  ): ReadonlyMap<string, Row[]> => {
    const sorted = new Map<string, Row[]>();
    for (const row of rows) {
      const orderNo = orderNoOf(row);
      if (!this.#orderNos.has(orderNo)) continue;
      const known = sorted.get(orderNo);
      if (known === undefined) sorted.set(orderNo, [row]);
      else known.push(row);
    }
    return sorted;
  };
}

/** DECIMAL and BIGINT arrive as text. */
function number(row: Row, column: string): number {
  return Number(row[column]);
}

function texts(rows: readonly Row[], column: string): string[] {
  return rows.map((row) => row[column] as unknown).filter((value) => typeof value === 'string');
}

function quantities(rows: readonly Row[]): Quantities {
  return new Map(rows.map((row) => [String(row['sku']), number(row, 'quantity')]));
}
