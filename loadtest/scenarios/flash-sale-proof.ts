import type { Proof, Stage } from '../scenario.ts';
import { findAll } from './promises.ts';

const orders = 'millrace_order.orders';
const tickets = 'millrace_flashsale.flash_tickets';

/**
 * A sale held against its orders: no more pieces than there were, one a user, and for each ticket that a customer was
 * given an order, or a refusal in the ledger which the customer can read: one of the order service, that is. When the ledger
 * itself refuses (SALE.…), the gate has promised what there was not. A piece of stock that comes back may be sold again, so
 * that only orders which are still good count against the stock.
 */
export async function proveFlashSale(
  query: Stage['query'],
  promised: readonly string[],
  saleId: string,
  stock: number,
): Promise<Proof> {
  const [placed] = await query<{ count: number; live: number }>(
    `SELECT COUNT(*) AS count, COUNT(CASE WHEN status <> 'CANCELLED' THEN 1 END) AS live
     FROM ${orders} WHERE sale_id = ?`,
    [saleId],
  );
  const [tooMany] = await query<{ count: number }>(
    `SELECT CAST(COALESCE(SUM(bought - 1), 0) AS UNSIGNED) AS count FROM (
       SELECT COUNT(*) AS bought FROM ${orders}
       WHERE sale_id = ? AND status <> 'CANCELLED' GROUP BY user_id HAVING bought > 1) AS users`,
    [saleId],
  );
  const distinct = [...new Set(promised)];
  const ordered = await findAll(query, { table: orders, column: 'order_no' }, distinct);
  const withoutOrder = distinct.filter((ticketNo) => !ordered.has(ticketNo));
  const refused = await findAll(
    query,
    { table: tickets, column: 'ticket_no', where: "status = 'REFUSED' AND code NOT LIKE 'SALE.%'" },
    withoutOrder,
  );
  return {
    persisted: placed!.count,
    oversold: Math.max(0, placed!.live - stock),
    lost: withoutOrder.length - refused.size,
    duplicated: tooMany!.count + promised.length - distinct.length,
  };
}
