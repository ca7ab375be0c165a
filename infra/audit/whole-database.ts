import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { Finding } from './order-rules.ts';
import type { Schemas, ServiceName } from './schemas.ts';

/** A placeholder stands for the time before which nothing is young any more. */
const setAside = `status <> 'RELEASED' AND created_at < ?`;

/** Tables of the services in which a row without its order tells of what has not happened. */
const aboutOrders: readonly {
  service: ServiceName;
  table: string;
  what: string;
  where?: string;
}[] = [
  { service: 'payment', table: 'payments', what: 'payment' },
  // One that was let go may have had no order from the first, and a young one may get its order yet.
  { service: 'stock', table: 'reservations', what: 'reservation', where: setAside },
  { service: 'points', table: 'points_movements', what: 'points' },
  { service: 'coupon', table: 'coupons', what: 'coupon' },
  { service: 'coupon', table: 'red_packets', what: 'red packet' },
  { service: 'coupon', table: 'redemptions', what: 'redemption', where: setAside },
  { service: 'push', table: 'notifications', what: 'push' },
  { service: 'warehouse', table: 'shipments', what: 'shipment' },
  { service: 'refund', table: 'refunds', what: 'refund' },
];

/** What holds for the databases as a whole, whoever placed the orders. Findings without an order carry what they are about. */
export async function checkWholeDatabase(
  connection: Connection,
  s: Schemas,
  graceMs: number,
): Promise<Finding[]> {
  const before = new Date(Date.now() - graceMs);
  const rows = async (sql: string): Promise<RowDataPacket[]> =>
    (await connection.query<RowDataPacket[]>(sql, [before]))[0];
  const findings: Finding[] = [];
  for (const { service, table, what, where } of aboutOrders) {
    const orphans = await rows(
      `SELECT t.order_no FROM ${s[service]}.${table} AS t
        WHERE ${where ?? '1 = 1'} AND NOT EXISTS
          (SELECT 1 FROM ${s.order}.orders AS o WHERE o.order_no = CONVERT(t.order_no USING ascii)) LIMIT 1000`,
    );
    for (const row of orphans) {
      findings.push({
        orderNo: String(row['order_no']),
        kind: 'duplicated',
        what: `${what} of an order that is not there`,
      });
    }
  }
  findings.push(...(await ledgerFindings(rows, s)));
  for (const [service, schema] of Object.entries(s)) {
    if (service === 'third-party') continue;
    const [row] = await rows(
      `SELECT COUNT(*) AS count, MIN(message_key) AS orderNo FROM ${schema}.outbox_messages
        WHERE sent_at IS NULL AND created_at < ?`,
    );
    const count = Number(row?.['count']);
    if (count === 0) continue;
    const what = `${count} message(s) unsent in the outbox of ${service}`;
    findings.push({ orderNo: String(row?.['orderNo']), kind: 'lost', what });
  }
  return findings;
}

/** A level and a balance are the sum of their movements at any time; and nothing is sold that was not there. */
async function ledgerFindings(
  rows: (sql: string) => Promise<RowDataPacket[]>,
  s: Schemas,
): Promise<Finding[]> {
  const sum = (...signs: [string, 1 | -1][]): string =>
    signs
      .map(([kind, sign]) => `${sign} * COALESCE(SUM(IF(kind = '${kind}', quantity, 0)), 0)`)
      .join(' + ');
  const levels = await rows(
    `SELECT l.sku, l.available, l.reserved, l.sold, m.available AS m_available, m.reserved AS m_reserved, m.sold AS m_sold
       FROM ${s.stock}.stock_levels AS l LEFT JOIN (
         SELECT sku,
           ${sum(['RECEIVED', 1], ['RESERVED', -1], ['RELEASED', 1], ['RESTOCKED', 1])} AS available,
           ${sum(['RESERVED', 1], ['CONFIRMED', -1], ['RELEASED', -1])} AS reserved,
           ${sum(['CONFIRMED', 1], ['RESTOCKED', -1])} AS sold
         FROM ${s.stock}.stock_movements GROUP BY sku) AS m ON m.sku = l.sku
      WHERE NOT (l.available <=> m.available AND l.reserved <=> m.reserved AND l.sold <=> m.sold)
         OR l.available < 0 OR l.reserved < 0 OR l.sold < 0`,
  );
  const balances = await rows(
    `SELECT b.user_id, b.points, m.points AS m_points FROM ${s.points}.points_balances AS b LEFT JOIN (
       SELECT user_id, SUM(IF(kind = 'EARNED', points, -points)) AS points
         FROM ${s.points}.points_movements GROUP BY user_id) AS m ON m.user_id = b.user_id
      WHERE NOT (b.points <=> m.points) LIMIT 1000`,
  );
  return [
    ...levels.map((row): Finding => {
      const has = `${row['available']} available, ${row['reserved']} reserved, ${row['sold']} sold`;
      const should = `${row['m_available']}, ${row['m_reserved']}, ${row['m_sold']}`;
      return {
        orderNo: String(row['sku']),
        kind: 'wrong',
        what: `stock has ${has}; its movements come to ${should}`,
      };
    }),
    ...balances.map((row): Finding => ({
      orderNo: String(row['user_id']),
      kind: 'wrong',
      what: `balance of ${row['points']} points; the movements come to ${row['m_points']}`,
    })),
  ];
}
