import type { Pool, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { newNo, rewardsOf, totalOf, type Line } from './order-figures.ts';
import { Refusal } from './refusal.ts';
import type { Charge, ThirdParty } from './third-party.ts';

export interface CheckoutWish {
  idempotencyKey: string;
  userId: string;
  /** Each sku once, in one order for all: their stock is locked in it. */
  lines: readonly Line[];
}

const transactionTries = 10;

type Status = 'PENDING' | 'PAID' | 'SHIPPED';

interface Order {
  orderNo: string;
  paymentNo: string;
  userId: string;
  status: Status;
  amountMinor: number;
  currency: string;
  lines: readonly Line[];
}

export interface CheckedOut {
  orderNo: string;
  status: Status;
}

/**
 * The checkout as it was before there was a queue: everything is done in the request, one after another, and the customer waits
 * for all of it.
 *
 * Order: three transactions, as few as it takes when none may be open while a third party is asked: the order with its goods set
 *        aside; what a payment brings with it; that the parcel has left. Each moves the order on, so a request that comes again
 *        with its key goes on where the one before stopped, and does nothing twice.
 * Errors: a Refusal; what is done until then stays, for the next try.
 */
export class Checkout {
  readonly #pool: Pool;
  readonly #thirdParty: ThirdParty;

  constructor(pool: Pool, thirdParty: ThirdParty) {
    this.#pool = pool;
    this.#thirdParty = thirdParty;
  }

  async execute(wish: CheckoutWish): Promise<CheckedOut> {
    let order = await this.#place(wish);
    const { orderNo, paymentNo, amountMinor, currency, lines } = order;
    if (order.status === 'PENDING') {
      const charge = await this.#thirdParty.charge(paymentNo, amountMinor, currency);
      if (!charge.isPaid) throw new Refusal(409, `the channel has declined payment ${paymentNo}`);
      order = await this.#pay(order, charge);
    }
    if (order.status === 'PAID') {
      const trackingNo = await this.#thirdParty.ship(
        orderNo,
        orderNo,
        lines.map(({ sku, quantity }) => ({ sku, quantity })),
      );
      order = await this.#ship(order, trackingNo);
    }
    return { orderNo, status: order.status };
  }

  /** The order of this key, new or as far as it has got. */
  async #place({ idempotencyKey, userId, lines }: CheckoutWish): Promise<Order> {
    const now = new Date();
    const order: Order = {
      orderNo: newNo(now),
      paymentNo: newNo(now),
      userId,
      status: 'PENDING',
      amountMinor: totalOf(lines),
      currency: 'EUR',
      lines,
    };
    const { orderNo, paymentNo, amountMinor, currency } = order;
    const isNew = await this.#inTransaction(async (run) => {
      const claimed = await run('INSERT IGNORE INTO idempotent_requests VALUES (?)', [
        [idempotencyKey, orderNo, now],
      ]);
      if (claimed === 0) return false;
      await run(
        `INSERT INTO orders (order_no, user_id, status, amount_minor, currency, payment_no, placed_at) VALUES (?)`,
        [[orderNo, userId, 'PENDING', amountMinor, currency, paymentNo, now]],
      );
      await run('INSERT INTO order_items VALUES ?', [
        lines.map(({ sku, quantity, unitPriceMinor }, index) => [
          orderNo,
          index + 1,
          sku,
          quantity,
          unitPriceMinor,
        ]),
      ]);
      await run('INSERT INTO payments VALUES (?)', [
        [paymentNo, orderNo, amountMinor, currency, 'PROCESSING', now, null],
      ]);
      await run('INSERT INTO notifications VALUES (?)', [
        [orderNo, 'Created', userId, `We have your order ${orderNo}.`, now, now],
      ]);
      await run('INSERT INTO reservations VALUES (?)', [[orderNo, 'RESERVED', now, now]]);
      await run('INSERT INTO reservation_items VALUES ?', [
        lines.map(({ sku, quantity }) => [orderNo, sku, quantity]),
      ]);
      // Last: the rows of the levels are the ones that everybody wants.
      await moveStock(run, order, {
        kind: 'RESERVED',
        from: 'available',
        to: 'reserved',
        at: now,
      });
      return true;
    });
    return isNew ? order : this.#find(idempotencyKey);
  }

  /** Everything that a payment brings with it. */
  #pay(order: Order, charge: Charge): Promise<Order> {
    const { orderNo, paymentNo, userId, amountMinor, lines } = order;
    const now = new Date();
    const { couponMinor, packetMinor, points } = rewardsOf(amountMinor);
    return this.#inTransaction(async (run) => {
      const moved = await run(
        "UPDATE orders SET status = 'PAID', paid_at = ? WHERE order_no = ? AND status = 'PENDING'",
        [charge.settledAt, orderNo],
      );
      // Another try of the same checkout was faster.
      if (moved === 0) return { ...order, status: 'PAID' };
      await run("UPDATE payments SET status = 'SUCCEEDED', settled_at = ? WHERE payment_no = ?", [
        charge.settledAt,
        paymentNo,
      ]);
      await run('INSERT INTO channel_callbacks VALUES (?)', [
        [charge.nonce, paymentNo, 'SUCCEEDED', now],
      ]);
      const expiresAt = new Date(now.getTime() + 90 * 86_400_000);
      await run('INSERT INTO coupons VALUES (?)', [
        [newNo(now).slice(-16), orderNo, userId, couponMinor, now, expiresAt],
      ]);
      await run('INSERT INTO red_packets VALUES (?)', [
        [newNo(now), orderNo, userId, packetMinor, now],
      ]);
      await run(
        'INSERT INTO points_movements (order_no, user_id, points, occurred_at) VALUES (?)',
        [[orderNo, userId, points, now]],
      );
      await run(
        'INSERT INTO points_balances VALUES (?) ON DUPLICATE KEY UPDATE points = points + VALUES(points)',
        [[userId, points]],
      );
      await run('INSERT INTO notifications VALUES (?)', [
        [orderNo, 'Paid', userId, `Thank you, ${orderNo} is paid.`, now, now],
      ]);
      await run('INSERT INTO shipments VALUES (?)', [
        [orderNo, orderNo, 'REQUESTED', null, now, null],
      ]);
      await run('INSERT INTO shipment_items VALUES ?', [
        lines.map(({ sku, quantity }) => [orderNo, sku, quantity]),
      ]);
      await run("UPDATE reservations SET status = 'CONFIRMED', updated_at = ? WHERE order_no = ?", [
        now,
        orderNo,
      ]);
      await moveStock(run, order, {
        kind: 'CONFIRMED',
        from: 'reserved',
        to: 'sold',
        at: now,
      });
      return { ...order, status: 'PAID' };
    });
  }

  #ship(order: Order, trackingNo: string): Promise<Order> {
    const { orderNo, userId } = order;
    const now = new Date();
    return this.#inTransaction(async (run) => {
      await run(
        "UPDATE shipments SET status = 'SHIPPED', tracking_no = ?, shipped_at = ? WHERE order_no = ?",
        [trackingNo, now, orderNo],
      );
      await run(
        "UPDATE orders SET status = 'SHIPPED', tracking_no = ?, shipped_at = ? WHERE order_no = ?",
        [trackingNo, now, orderNo],
      );
      await run('INSERT IGNORE INTO notifications VALUES (?)', [
        [orderNo, 'Shipped', userId, `${orderNo} is on its way: ${trackingNo}.`, now, now],
      ]);
      return { ...order, status: 'SHIPPED' };
    });
  }

  async #find(idempotencyKey: string): Promise<Order> {
    const [orders] = await this.#pool.query<RowDataPacket[]>(
      `SELECT o.* FROM orders o JOIN idempotent_requests r USING (order_no) WHERE r.idempotency_key = ?`,
      [idempotencyKey],
    );
    const row = orders[0];
    if (row === undefined)
      throw new Error('a key is taken and its order is not there; they commit together');
    const [items] = await this.#pool.query<RowDataPacket[]>(
      'SELECT sku, quantity, unit_price_minor FROM order_items WHERE order_no = ? ORDER BY line_no',
      [row['order_no']],
    );
    return {
      orderNo: String(row['order_no']),
      paymentNo: String(row['payment_no']),
      userId: String(row['user_id']),
      status: row['status'] as Status,
      amountMinor: Number(row['amount_minor']),
      currency: String(row['currency']),
      lines: items.map((item) => ({
        sku: String(item['sku']),
        quantity: Number(item['quantity']),
        unitPriceMinor: Number(item['unit_price_minor']),
      })),
    };
  }

  /** All of `work` or nothing. Of two that hold what the other wants, the one the database gives up begins anew. */
  async #inTransaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const connection = await this.#pool.getConnection();
      try {
        await connection.beginTransaction();
        const result = await work(async (sql, values) => {
          const [{ affectedRows }] = await connection.query<ResultSetHeader>(sql, [...values]);
          return affectedRows;
        });
        await connection.commit();
        return result;
      } catch (error) {
        await connection.rollback();
        const isDeadlock = (error as { code?: string }).code === 'ER_LOCK_DEADLOCK';
        if (!isDeadlock || attempt === transactionTries) throw error;
      } finally {
        connection.release();
      }
    }
  }
}

/** Runs a statement and gives the number of rows it has changed. */
type Run = (sql: string, values: readonly unknown[]) => Promise<number>;

async function moveStock(
  run: Run,
  { orderNo, lines }: Order,
  move: { kind: string; from: string; to: string; at: Date },
): Promise<void> {
  const { kind, from, to, at } = move;
  await run('INSERT INTO stock_movements (sku, kind, quantity, reference, occurred_at) VALUES ?', [
    lines.map(({ sku, quantity }) => [sku, kind, quantity, orderNo, at]),
  ]);
  for (const { sku, quantity } of lines) {
    const moved = await run(
      `UPDATE stock_levels SET ${from} = ${from} - ?, ${to} = ${to} + ? WHERE sku = ? AND ${from} >= ?`,
      [quantity, quantity, sku, quantity],
    );
    if (moved === 0) throw new Refusal(409, `there are not ${quantity} of ${sku}`);
  }
}
