import { randomBytes } from 'node:crypto';
import { createConnection, type Connection } from 'mysql2/promise';
import { repeatFor, type Throughput } from './measure.ts';

const schema = 'millrace_limits';
/** As many as a service's pool holds by default. */
const connectionCount = 10;
/** As the keeper of a flash sale takes at most at a time. */
export const BATCH_COUNT = 256;
const batchConnectionCount = 2;

/** The columns of the order service's tables, without anything it does beside. */
const tables = [
  `CREATE TABLE orders (
     order_no    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
     user_id     VARCHAR(64) NOT NULL,
     status      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
     total_minor BIGINT NOT NULL,
     currency    CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
     placed_at   DATETIME(3) NOT NULL,
     KEY orders_by_user (user_id, placed_at)
   ) ENGINE = InnoDB`,
  `CREATE TABLE order_items (
     order_no         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
     line_no          SMALLINT NOT NULL,
     sku              VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
     quantity         INT NOT NULL,
     unit_price_minor BIGINT NOT NULL,
     PRIMARY KEY (order_no, line_no),
     CONSTRAINT item_of_order FOREIGN KEY (order_no) REFERENCES orders (order_no)
   ) ENGINE = InnoDB`,
];

export interface InsertLimits {
  /** An order row and an item row, a commit for each order. */
  single: Throughput;
  /** The same rows, {@link BATCH_COUNT} orders in each of two statements and one commit. */
  batched: Throughput;
}

/**
 * Bare MariaDB: orders a second, as rows and nothing else. A commit is as safe as the server's own settings make it.
 *
 * Shape: a schema `millrace_limits` of its own, dropped at the end.
 */
export async function measureMariadbInserts(
  databaseUrl: string,
  durationMs: number,
): Promise<InsertLimits> {
  const connect = (): Promise<Connection> => createConnection({ uri: databaseUrl, timezone: 'Z' });
  const first = await connect();
  await first.query(`DROP SCHEMA IF EXISTS ${schema}`);
  await first.query(`CREATE SCHEMA ${schema}`);
  await first.query(`USE ${schema}`);
  for (const table of tables) await first.query(table);
  const connections = await Promise.all(Array.from({ length: connectionCount }, connect));
  try {
    for (const connection of connections) await connection.query(`USE ${schema}`);
    const insert = async (index: number, orderCount: number): Promise<void> => {
      const connection = connections[index]!;
      const orders = Array.from({ length: orderCount }, orderRow);
      await connection.query('START TRANSACTION');
      await connection.query(
        'INSERT INTO orders (order_no, user_id, status, total_minor, currency, placed_at) VALUES ?',
        [orders],
      );
      await connection.query(
        'INSERT INTO order_items (order_no, line_no, sku, quantity, unit_price_minor) VALUES ?',
        [orders.map(([orderNo]) => [orderNo, 1, 'TEA-GREEN-100', 1, 690])],
      );
      await connection.query('COMMIT');
    };
    return {
      single: await repeatFor(durationMs, connectionCount, (index) => insert(index, 1)),
      batched: await repeatFor(
        durationMs,
        batchConnectionCount,
        (index) => insert(index, BATCH_COUNT),
        BATCH_COUNT,
      ),
    };
  } finally {
    await first.query(`DROP SCHEMA IF EXISTS ${schema}`);
    await Promise.all([first, ...connections].map((connection) => connection.end()));
  }
}

function orderRow(): [string, string, string, number, string, Date] {
  const orderNo = `20260101-${randomBytes(6).toString('hex').toUpperCase()}`;
  return [orderNo, `user-${orderNo}`, 'PENDING', 690, 'EUR', new Date()];
}
