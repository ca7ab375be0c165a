import type { PersistedRows, Proof, Stage } from '../scenario.ts';

type Query = Stage['query'];

/** Longer lists of values make a statement that the server takes long to read. */
const valuesPerStatement = 1_000;

/** All orders: a run counts from what was there when it began. */
export const allOrders: PersistedRows = {
  countSql: 'SELECT COUNT(*) AS count FROM millrace_order.orders',
};

/** The values that are in a column of a table, of those asked for, with how often each is. */
export async function findAll(
  query: Query,
  { table, column, where = 'TRUE' }: { table: string; column: string; where?: string },
  values: readonly string[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let from = 0; from < values.length; from += valuesPerStatement) {
    const some = values.slice(from, from + valuesPerStatement);
    const rows = await query<{ value: string; count: number }>(
      `SELECT ${column} AS value, COUNT(*) AS count FROM ${table}
       WHERE ${column} IN (${some.map(() => '?').join(', ')}) AND (${where}) GROUP BY ${column}`,
      some,
    );
    for (const { value, count } of rows) found.set(value, count);
  }
  return found;
}

/**
 * Holds what the shop has acknowledged against its tables: each promise there, and once. What else there is to say of an
 * order (stock, points, coupons, the money) the audit says.
 */
export async function provePromises(
  query: Query,
  promised: readonly string[],
  rows: { table: string; column: string; where?: string },
): Promise<Proof> {
  const distinct = [...new Set(promised)];
  const found = await findAll(query, rows, distinct);
  let duplicated = promised.length - distinct.length;
  for (const count of found.values()) duplicated += count - 1;
  return { persisted: found.size, oversold: 0, lost: distinct.length - found.size, duplicated };
}
