import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { RunningService } from './shop.ts';

export interface Level {
  sku: string;
  available: number;
  reserved: number;
  sold: number;
}

/** A sku of its own, with so many pieces. */
export async function received(stock: RunningService, quantity: number): Promise<string> {
  const sku = `TEST-${randomUUID().slice(0, 8).toUpperCase()}`;
  if (quantity > 0)
    await stock.query(
      `INSERT INTO stock_movements (sku, kind, quantity, reference, occurred_at)
       VALUES (?, 'RECEIVED', ?, ?, UTC_TIMESTAMP(3))`,
      [sku, quantity, `delivery-${sku}`],
    );
  await stock.query('INSERT INTO stock_levels VALUES (?, ?, 0, 0)', [sku, quantity]);
  return sku;
}

export async function levelOf(stock: RunningService, sku: string): Promise<Level> {
  const answer = await stock.get(`/stock/${sku}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Level;
}

/** What the ledger says of an order or a refund: `RESERVED SKU 2`. */
export async function movementsOf(stock: RunningService, reference: string): Promise<string[]> {
  const rows = await stock.query<{ kind: string; sku: string; quantity: string }>(
    'SELECT kind, sku, quantity FROM stock_movements WHERE reference = ? ORDER BY id',
    [reference],
  );
  return rows.map(({ kind, sku, quantity }) => `${kind} ${sku} ${quantity}`);
}

export async function statusOf(
  stock: RunningService,
  orderNo: string,
): Promise<{ status: string; isOrderKnown: boolean } | undefined> {
  const [row] = await stock.query<{ status: string; is_order_known: number }>(
    'SELECT status, is_order_known FROM reservations WHERE order_no = ?',
    [orderNo],
  );
  return row && { status: row.status, isOrderKnown: row.is_order_known === 1 };
}

/** Every level beside the sum of its movements, where they differ: none, ever. */
export function unbalanced(stock: RunningService): Promise<unknown[]> {
  return stock.query(`
    SELECT levels.*, sums.* FROM stock_levels levels LEFT JOIN (
      SELECT sku AS ledger_sku,
        SUM(CASE kind WHEN 'RESERVED' THEN -quantity WHEN 'CONFIRMED' THEN 0 ELSE quantity END) AS ledger_available,
        SUM(CASE kind WHEN 'RESERVED' THEN quantity WHEN 'CONFIRMED' THEN -quantity
                      WHEN 'RELEASED' THEN -quantity ELSE 0 END) AS ledger_reserved,
        SUM(CASE kind WHEN 'CONFIRMED' THEN quantity WHEN 'RESTOCKED' THEN -quantity ELSE 0 END) AS ledger_sold
      FROM stock_movements GROUP BY sku) sums ON sku = ledger_sku
    WHERE available <> COALESCE(ledger_available, 0) OR reserved <> COALESCE(ledger_reserved, 0)
       OR sold <> COALESCE(ledger_sold, 0)`);
}

export interface Wish {
  orderNo: string;
  transactionKey: string;
  items: { sku: string; quantity: number }[];
}

export function wishFor(...items: [sku: string, quantity: number][]): Wish {
  return {
    orderNo: `20261130-${randomUUID().slice(0, 12).toUpperCase()}`,
    transactionKey: randomUUID(),
    items: items.map(([sku, quantity]) => ({ sku, quantity })),
  };
}

/** The status, and the code where it is a refusal. */
export async function outcomeOf(answer: Promise<Response>): Promise<string> {
  const { status, ...rest } = await answer.then(async (response) => ({
    status: response.status,
    body: (await response.json()) as { code?: string },
  }));
  return rest.body.code === undefined ? String(status) : `${status} ${rest.body.code}`;
}

export async function reserved(stock: RunningService, ...items: [string, number][]): Promise<Wish> {
  const wish = wishFor(...items);
  expect(await outcomeOf(stock.post('/reservations', wish))).toBe('200');
  return wish;
}
