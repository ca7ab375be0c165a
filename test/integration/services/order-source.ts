import { createPool, type Pool, type PoolConnection, type RowDataPacket } from 'mysql2/promise';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { Orders1764000000000 } from '../../../services/order/persistence/migrations/1764000000000-orders.ts';
import { Outbox1764000000001 } from '../../../services/order/persistence/migrations/1764000000001-outbox.ts';
import { HalfMessages1764000000003 } from '../../../services/order/persistence/migrations/1764000000003-half-messages.ts';
import { LifeOfAnOrder1764000000004 } from '../../../services/order/persistence/migrations/1764000000004-life-of-an-order.ts';
import { FlashOrders1764000000005 } from '../../../services/order/persistence/migrations/1764000000005-flash-orders.ts';
import { isDeadlock } from '../../../services/common/database-errors.ts';
import { Tables } from './tables.ts';

const statuses = ['PENDING', 'PAID', 'SHIPPED', 'CANCELLED', 'REFUNDING', 'REFUNDED'];
const WRITER_COUNT = 4;

/** The order service's tables, without the service, and a load of random changes of them. */
export class OrderSource implements AsyncDisposable {
  readonly schema: string;
  readonly pool: Pool;
  readonly #tables: Tables;
  #orderCount = 0;
  /** Transactions that were committed. */
  changeCount = 0;

  private constructor(tables: Tables, pool: Pool) {
    this.#tables = tables;
    this.schema = tables.schema;
    this.pool = pool;
  }

  static async create(): Promise<OrderSource> {
    const tables = await Tables.create(
      [],
      [
        Orders1764000000000,
        Outbox1764000000001,
        HalfMessages1764000000003,
        LifeOfAnOrder1764000000004,
        FlashOrders1764000000005,
      ],
    );
    const uri = new URL(tables.schema, process.env['DATABASE_URL']).href;
    return new OrderSource(tables, createPool({ uri, timezone: 'Z', connectionLimit: 8 }));
  }

  async count(table: string): Promise<number> {
    const [rows] = await this.pool.query<RowDataPacket[]>(`SELECT COUNT(*) AS count FROM ${table}`);
    return Number(rows[0]?.['count']);
  }

  async placeOrders(random: SeededRandom, count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      await this.#transaction((connection) => this.#place(connection, random));
    }
  }

  /** Places, moves, refunds and deletes orders, several at once, until the signal. */
  async changeUntil(signal: AbortSignal, seed: number): Promise<void> {
    const writers = Array.from({ length: WRITER_COUNT }, async (_, index) => {
      const random = new SeededRandom(seed * WRITER_COUNT + index);
      while (!signal.aborted)
        await this.#transaction((connection) => this.#change(connection, random));
    });
    await Promise.all(writers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.end();
    await this.#tables[Symbol.asyncDispose]();
  }

  async #transaction(work: (connection: PoolConnection) => Promise<void>): Promise<void> {
    const connection = await this.pool.getConnection();
    try {
      await connection.beginTransaction();
      await work(connection);
      await connection.commit();
      this.changeCount += 1;
    } catch (error) {
      await connection.rollback();
      // Two writers had the same order in hand; another try has another one.
      if (!isDeadlock(error)) throw error;
    } finally {
      connection.release();
    }
  }

  async #change(connection: PoolConnection, random: SeededRandom): Promise<void> {
    const drawn = random.next();
    const orderNo = orderNoOf(random.below(Math.max(1, this.#orderCount)));
    if (drawn < 0.3 || this.#orderCount < 10) return this.#place(connection, random);
    if (drawn < 0.75) return move(connection, random, orderNo);
    if (drawn < 0.9) return refund(connection, random, orderNo);
    if (drawn < 0.95) return moveMany(connection, random);
    return remove(connection, orderNo);
  }

  async #place(connection: PoolConnection, random: SeededRandom): Promise<void> {
    const orderNo = orderNoOf(this.#orderCount);
    this.#orderCount += 1;
    const saleId = random.chance(0.3) ? `SALE-${random.below(3)}` : null;
    await connection.query(
      `INSERT INTO orders (order_no, user_id, sale_id, status, discount_minor, total_minor, currency, placed_at)
         VALUES (?, ?, ?, 'PENDING', 0, ?, 'EUR', NOW(3))`,
      [orderNo, `käufer-${random.below(50)} 😀`, saleId, 100 + random.below(100_000)],
    );
    const items = Array.from({ length: 1 + random.below(4) }, (_, line) => [
      orderNo,
      line + 1,
      `SKU-${random.below(20)}`,
      1 + random.below(5),
      random.below(10_000),
    ]);
    await connection.query(
      'INSERT INTO order_items (order_no, line_no, sku, quantity, unit_price_minor) VALUES ?',
      [items],
    );
  }
}

function orderNoOf(index: number): string {
  return `O-${String(index).padStart(8, '0')}`;
}

async function move(
  connection: PoolConnection,
  random: SeededRandom,
  orderNo: string,
): Promise<void> {
  const status = statuses[random.below(statuses.length)] ?? '';
  await connection.query(
    `UPDATE orders SET status = ?, paid_at = IF(? = 'PAID', NOW(3), paid_at), tracking_no = ? WHERE order_no = ?`,
    [status, status, random.chance(0.5) ? `T-${random.below(1_000_000)}` : null, orderNo],
  );
  // Several changes of one row in one transaction, too.
  if (random.chance(0.3)) {
    await connection.query('UPDATE orders SET total_minor = total_minor + 1 WHERE order_no = ?', [
      orderNo,
    ]);
  }
}

async function moveMany(connection: PoolConnection, random: SeededRandom): Promise<void> {
  await connection.query('UPDATE orders SET discount_minor = ? WHERE user_id LIKE ?', [
    random.below(100),
    `käufer-${random.below(50)} %`,
  ]);
}

async function refund(
  connection: PoolConnection,
  random: SeededRandom,
  orderNo: string,
): Promise<void> {
  const [orders] = await connection.query<RowDataPacket[]>(
    'SELECT 1 FROM orders WHERE order_no = ? FOR UPDATE',
    [orderNo],
  );
  if (orders.length === 0) return;
  const refundNo = `R-${orderNo}-${random.below(3)}`;
  const [result] = await connection.query<RowDataPacket[]>(
    'SELECT 1 FROM order_refunds WHERE refund_no = ?',
    [refundNo],
  );
  if (result.length > 0) {
    await connection.query('UPDATE order_refunds SET completed_at = NOW(3) WHERE refund_no = ?', [
      refundNo,
    ]);
    return;
  }
  await connection.query(
    `INSERT INTO order_refunds (refund_no, order_no, reason, payment_no, amount_minor, is_whole, requested_at)
       VALUES (?, ?, 'CUSTOMER', ?, ?, FALSE, NOW(3))`,
    [refundNo, orderNo, `P-${orderNo}`, random.below(1_000)],
  );
  await connection.query(
    'INSERT INTO order_refund_items (refund_no, sku, quantity) VALUES (?, ?, ?)',
    [refundNo, `SKU-${random.below(20)}`, 1],
  );
}

/** With its items. What was refunded stays, as in the shop. */
async function remove(connection: PoolConnection, orderNo: string): Promise<void> {
  const [refunds] = await connection.query<RowDataPacket[]>(
    'SELECT 1 FROM order_refunds WHERE order_no = ? FOR UPDATE',
    [orderNo],
  );
  if (refunds.length > 0) return;
  for (const table of ['order_items', 'orders']) {
    await connection.query(`DELETE FROM ${table} WHERE order_no = ?`, [orderNo]);
  }
}
