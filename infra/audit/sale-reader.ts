import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { SaleFacts, TicketFacts } from './sale-facts.ts';
import type { Schemas } from './schemas.ts';

type Row = RowDataPacket;

/** Of users beyond a limit so many are named, all sales together. */
const MAX_USERS = 1_000;

/** All flash sales, the tickets and the orders of each counted. */
export async function readSales(connection: Connection, s: Schemas): Promise<SaleFacts[]> {
  const tickets = `FROM ${s.flashsale}.flash_tickets WHERE status IN ('TAKEN', 'ORDERED')`;
  const orders = `FROM ${s.order}.orders WHERE sale_id IS NOT NULL AND status <> 'CANCELLED'`;
  const [sales] = await connection.query<Row[]>(
    `SELECT sale.*, COALESCE(t.count, 0) AS live_tickets, COALESCE(o.count, 0) AS live_orders
       FROM ${s.flashsale}.flash_sales AS sale
       LEFT JOIN (SELECT sale_id, COUNT(*) AS count ${tickets} GROUP BY sale_id) AS t ON t.sale_id = sale.id
       LEFT JOIN (SELECT sale_id, COUNT(*) AS count ${orders} GROUP BY sale_id) AS o ON o.sale_id = sale.id`,
  );
  const [users] = await connection.query<Row[]>(
    `SELECT p.sale_id, p.user_id, SUM(p.tickets) AS tickets, SUM(p.orders) AS orders
       FROM (SELECT sale_id, user_id, COUNT(*) AS tickets, 0 AS orders ${tickets} GROUP BY sale_id, user_id
             UNION ALL
             SELECT sale_id, user_id, 0, COUNT(*) ${orders} GROUP BY sale_id, user_id) AS p
       JOIN ${s.flashsale}.flash_sales AS sale ON sale.id = p.sale_id
      GROUP BY p.sale_id, p.user_id
     HAVING GREATEST(SUM(p.tickets), SUM(p.orders)) > MAX(sale.per_user_limit)
      LIMIT ${MAX_USERS}`,
  );
  return sales.map((row) => ({
    saleId: String(row['id']),
    sku: String(row['sku']),
    stock: Number(row['stock']),
    perUserLimit: Number(row['per_user_limit']),
    state: String(row['state']),
    taken: Number(row['taken']),
    liveTickets: Number(row['live_tickets']),
    liveOrders: Number(row['live_orders']),
    users: users
      .filter((user) => user['sale_id'] === row['id'])
      .map((user) => ({
        userId: String(user['user_id']),
        tickets: Number(user['tickets']),
        orders: Number(user['orders']),
      })),
  }));
}

/** So many tickets at most whose numbers come after another, in the order of their numbers; of one sale, or of all. */
export async function readTickets(
  connection: Connection,
  s: Schemas,
  { after, maxCount, saleId }: { after: string; maxCount: number; saleId: string | undefined },
): Promise<TicketFacts[]> {
  const pieces = (where: string): string =>
    `(SELECT COALESCE(SUM(quantity), 0) FROM ${s.order}.order_items AS i WHERE i.order_no = t.ticket_no${where})`;
  const [rows] = await connection.query<Row[]>(
    `SELECT t.*, sale.sku, o.order_no, o.sale_id AS order_sale_id, o.user_id AS order_user_id, o.status AS order_status,
            COALESCE(o.closed_at, o.placed_at) AS order_changed_at,
            ${pieces(' AND i.sku = sale.sku')} AS pieces, ${pieces('')} AS all_pieces
       FROM ${s.flashsale}.flash_tickets AS t
       LEFT JOIN ${s.flashsale}.flash_sales AS sale ON sale.id = t.sale_id
       LEFT JOIN ${s.order}.orders AS o ON o.order_no = t.ticket_no
      WHERE t.ticket_no > ?${saleId === undefined ? '' : ' AND t.sale_id = ?'}
      ORDER BY t.ticket_no LIMIT ?`,
    saleId === undefined ? [after, maxCount] : [after, saleId, maxCount],
  );
  return rows.map((row) => ({
    ticketNo: String(row['ticket_no']),
    saleId: String(row['sale_id']),
    sku: row['sku'] ?? undefined,
    userId: String(row['user_id']),
    status: String(row['status']),
    code: row['code'] ?? undefined,
    updatedAt: row['updated_at'],
    order:
      row['order_no'] === null
        ? undefined
        : {
            saleId: row['order_sale_id'] ?? undefined,
            userId: String(row['order_user_id']),
            status: String(row['order_status']),
            pieces: Number(row['pieces']),
            allPieces: Number(row['all_pieces']),
            changedAt: row['order_changed_at'],
          },
  }));
}
