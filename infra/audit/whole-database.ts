import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { Finding, FindingKind } from './finding.ts';
import type { Schemas } from './schemas.ts';

/** Of each kind of damage that belongs to no order, so much is listed: nobody reads more, and memory is bounded. */
const MAX_LISTED = 1_000;

/** One question to the databases, each answered in one statement, and so as of one moment. */
interface Check {
  kind: FindingKind;
  /** Selects `about` (an order where there is one, else what it is about) and what `what` needs to be told. */
  sql: string;
  /** For the placeholders. */
  values?: readonly unknown[];
  what: (row: RowDataPacket) => string;
}

/** What holds for the databases as a whole, whoever placed the orders: above all, that there is nothing without its order. */
export async function checkWholeDatabase(
  connection: Connection,
  s: Schemas,
  { graceMs, openMs }: { graceMs: number; openMs: number },
): Promise<Finding[]> {
  const now = Date.now();
  const graceBefore = new Date(now - graceMs);
  const openBefore = new Date(now - openMs);
  const checks = [
    ...orphanChecks(s, openBefore),
    ...stockChecks(s),
    ...pointsChecks(s),
    ...outboxChecks(s, graceBefore),
    ...parkedChecks(s),
  ];
  const findings: Finding[] = [];
  for (const { kind, sql, values = [], what } of checks) {
    const [rows] = await connection.query<RowDataPacket[]>(`${sql} LIMIT ${MAX_LISTED}`, [
      ...values,
    ]);
    for (const row of rows) {
      findings.push({ orderNo: String(row['about']), kind, what: what(row) });
    }
  }
  return findings;
}

/** Numbers are ASCII in the order service; others keep what they were told, which may be any text. */
function noOrder(s: Schemas, column: string): string {
  return `NOT EXISTS (SELECT 1 FROM ${s.order}.orders AS o WHERE o.order_no = CONVERT(${column} USING ascii) COLLATE ascii_bin)`;
}

function orphanChecks(s: Schemas, openBefore: Date): Check[] {
  const orphan = (table: string, what: string): Check => ({
    kind: 'duplicated',
    sql: `SELECT order_no AS about FROM ${table} AS t WHERE ${noOrder(s, 't.order_no')}`,
    what: () => `${what} of an order that is not there`,
  });
  // What was let go may have had no order from the first, and what is young may get its order yet, or be let go.
  const setAside = (table: string, what: string): Check => {
    const { sql, ...rest } = orphan(table, what);
    return {
      ...rest,
      sql: `${sql} AND status <> 'RELEASED' AND created_at < ?`,
      values: [openBefore],
    };
  };
  return [
    orphan(`${s.payment}.payments`, 'payment'),
    setAside(`${s.stock}.reservations`, 'reservation'),
    orphan(`${s.points}.points_movements`, 'points'),
    orphan(`${s.coupon}.coupons`, 'coupon'),
    orphan(`${s.coupon}.red_packets`, 'red packet'),
    setAside(`${s.coupon}.redemptions`, 'redemption'),
    orphan(`${s.push}.notifications`, 'push'),
    orphan(`${s.warehouse}.shipments`, 'shipment'),
    orphan(`${s.refund}.refunds`, 'refund'),
    {
      kind: 'duplicated',
      sql: `SELECT order_no AS about, sale_id FROM ${s.order}.orders AS o
             WHERE sale_id IS NOT NULL AND NOT EXISTS
               (SELECT 1 FROM ${s.flashsale}.flash_tickets AS t WHERE t.ticket_no = o.order_no)`,
      what: (row) => `order of sale ${row['sale_id']} without a ticket`,
    },
    {
      kind: 'lost',
      sql: `SELECT request_no AS about, amount_minor FROM ${s['third-party']}.channel_charges AS c
             WHERE status = 'SUCCEEDED' AND NOT EXISTS
               (SELECT 1 FROM ${s.payment}.payments AS p WHERE p.payment_no = c.request_no)`,
      what: (row) => `payment: the channel took ${row['amount_minor']}, and it is not there`,
    },
    {
      kind: 'duplicated',
      sql: `SELECT COALESCE(order_no, request_no) AS about, request_no FROM ${s['third-party']}.carrier_shipments AS c
             WHERE status = 'ACCEPTED' AND NOT EXISTS
               (SELECT 1 FROM ${s.warehouse}.shipments AS t WHERE t.shipment_no = c.request_no)`,
      what: (row) => `parcel ${row['request_no']} at the carrier, which nobody has packed`,
    },
    {
      kind: 'wrong',
      sql: `SELECT redeemed_by_order_no AS about, code FROM ${s.coupon}.coupons AS c
             WHERE redeemed_by_order_no IS NOT NULL AND NOT EXISTS
               (SELECT 1 FROM ${s.coupon}.redemptions AS r
                 WHERE r.order_no = c.redeemed_by_order_no AND r.code = c.code)`,
      what: (row) => `coupon ${row['code']} is taken by the order, which has not redeemed it`,
    },
  ];
}

/** A level is the sum of its movements at any time; and nothing moves for an order that is not there, but there and back. */
function stockChecks(s: Schemas): Check[] {
  const movements = `${s.stock}.stock_movements`;
  const sum = (...signs: [string, 1 | -1][]): string =>
    `COALESCE(${signs.map(([kind, sign]) => `${sign} * SUM(IF(kind = '${kind}', quantity, 0))`).join(' + ')}, 0)`;
  const places = ['available', 'reserved', 'sold'];
  const text = (row: RowDataPacket, prefix: string): string =>
    places.map((place) => `${row[`${prefix}${place}`] ?? 'no'} ${place}`).join(', ');
  return [
    {
      kind: 'wrong',
      sql: `SELECT k.sku AS about, ${places.map((place) => `l.${place}, COALESCE(m.${place}, 0) AS m_${place}`).join(', ')}
              FROM (SELECT sku FROM ${s.stock}.stock_levels UNION SELECT sku FROM ${movements}) AS k
              LEFT JOIN ${s.stock}.stock_levels AS l ON l.sku = k.sku
              LEFT JOIN (
                SELECT sku,
                  ${sum(['RECEIVED', 1], ['RESERVED', -1], ['RELEASED', 1], ['RESTOCKED', 1])} AS available,
                  ${sum(['RESERVED', 1], ['CONFIRMED', -1], ['RELEASED', -1])} AS reserved,
                  ${sum(['CONFIRMED', 1], ['RESTOCKED', -1])} AS sold
                FROM ${movements} GROUP BY sku) AS m ON m.sku = k.sku
             WHERE ${places.map((place) => `NOT l.${place} <=> COALESCE(m.${place}, 0) OR l.${place} < 0`).join(' OR ')}`,
      what: (row) => `stock has ${text(row, '')}; its movements come to ${text(row, 'm_')}`,
    },
    {
      kind: 'duplicated',
      sql: `SELECT reference AS about, kind, quantity, sku FROM ${movements} AS m
             WHERE kind IN ('CONFIRMED', 'RESTOCKED') AND ${noOrder(s, 'm.reference')} AND NOT EXISTS
               (SELECT 1 FROM ${s.order}.order_refunds AS r WHERE r.refund_no = m.reference)`,
      what: (row) =>
        `${row['kind']} of ${row['quantity']} × ${row['sku']} for an order that is not there`,
    },
    {
      kind: 'lost',
      sql: `SELECT reference AS about, kind, quantity, sku FROM ${movements} AS m
             WHERE kind IN ('RESERVED', 'RELEASED') AND ${noOrder(s, 'm.reference')}
               AND NOT EXISTS (SELECT 1 FROM ${movements} AS c
                 WHERE c.reference = m.reference AND c.sku = m.sku AND c.quantity = m.quantity
                   AND c.kind = IF(m.kind = 'RESERVED', 'RELEASED', 'RESERVED'))
               AND NOT EXISTS (SELECT 1 FROM ${s.stock}.reservations AS r
                 WHERE r.order_no = m.reference AND r.status = 'RESERVED')`,
      what: (row) =>
        `counterpart of ${row['kind']} of ${row['quantity']} × ${row['sku']}, there is no order`,
    },
  ];
}

/** A balance is the sum of its movements. */
function pointsChecks(s: Schemas): Check[] {
  const movements = `${s.points}.points_movements`;
  const balances = `${s.points}.points_balances`;
  return [
    {
      kind: 'wrong',
      sql: `SELECT k.user_id AS about, b.points, COALESCE(m.points, 0) AS m_points
              FROM (SELECT user_id FROM ${balances} UNION SELECT user_id FROM ${movements}) AS k
              LEFT JOIN ${balances} AS b ON b.user_id = k.user_id
              LEFT JOIN (
                SELECT user_id, SUM(IF(kind = 'EARNED', points, -points)) AS points
                  FROM ${movements} GROUP BY user_id) AS m ON m.user_id = k.user_id
             WHERE NOT b.points <=> COALESCE(m.points, 0)`,
      what: (row) =>
        `balance of ${row['points'] ?? 'no'} points; the movements come to ${row['m_points']}`,
    },
  ];
}

/** What is not sent has not happened for anybody else. */
function outboxChecks(s: Schemas, graceBefore: Date): Check[] {
  return Object.entries(s)
    .filter(([service]) => service !== 'third-party')
    .map(([service, schema]): Check => ({
      kind: 'lost',
      sql: `SELECT message_key AS about, topic, tag FROM ${schema}.outbox_messages
               WHERE sent_at IS NULL AND created_at < ? ORDER BY id`,
      values: [graceBefore],
      what: (row) => `${row['topic']}/${row['tag']}, unsent in the outbox of ${service}`,
    }));
}

/** What nobody could read is told by nobody else. */
function parkedChecks(s: Schemas): Check[] {
  return [
    {
      kind: 'lost',
      sql: `SELECT message_id AS about, topic, reason FROM ${s.flashsale}.parked_messages`,
      what: (row) => `message of ${row['topic']}, which was parked: ${row['reason']}`,
    },
  ];
}
