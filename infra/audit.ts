import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';

/** The schema of each service, as told to the services and read by the audit. */
export const schemas = {
  order: 'millrace_order',
  coupon: 'millrace_coupon',
  push: 'millrace_push',
} as const;

export interface OrderFacts {
  orderNo: string;
  status: string;
  placedAt: Date;
  paidAt: Date | undefined;
  closedAt: Date | undefined;
}

/** A coupon; a notification, by its kind; what of the notifications the gateway has had. */
export type Effect = 'coupon' | 'push Created' | 'push Paid' | 'push Closed' | 'delivery';

export interface EffectFacts {
  orderNo: string;
  effect: Effect;
  count: number;
  /** When the first of them was written. */
  at: Date;
}

/** One order and what became of it. */
export interface OrderWay {
  orderNo: string;
  order: OrderFacts | undefined;
  effects: ReadonlyMap<Effect, EffectFacts>;
  /** What should be there and is not, in words. */
  lost: readonly string[];
  /** What is there more than once, or must not be there at all. */
  duplicated: readonly string[];
}

/**
 * Holds every order against its effects: a placed order has one "Created" push; a paid one has one "Paid" push and one
 * coupon, too; a closed one one "Closed" push and no coupon; every push was delivered. An order is paid or closed in the
 * end, and never both. An order number that was acknowledged and has no row is lost itself. No I/O.
 */
export function judge(
  orderNos: readonly string[],
  orders: readonly OrderFacts[],
  effects: readonly EffectFacts[],
): OrderWay[] {
  const orderByNo = new Map(orders.map((order) => [order.orderNo, order]));
  const effectsByNo = new Map<string, Map<Effect, EffectFacts>>();
  for (const effect of effects) {
    const ofOrder = effectsByNo.get(effect.orderNo) ?? new Map();
    effectsByNo.set(effect.orderNo, ofOrder.set(effect.effect, effect));
  }
  return orderNos.map((orderNo) => {
    const order = orderByNo.get(orderNo);
    const found = effectsByNo.get(orderNo) ?? new Map<Effect, EffectFacts>();
    const lost: string[] = order === undefined ? ['order'] : [];
    const duplicated: string[] = [];
    if (order !== undefined) judgeEnd(order, lost, duplicated);
    for (const [effect, wanted] of expectedOf(order)) {
      const count = found.get(effect)?.count ?? 0;
      for (let missing = count; missing < wanted; missing += 1) lost.push(effect);
      for (let surplus = count; surplus > wanted; surplus -= 1) duplicated.push(effect);
    }
    return { orderNo, order, effects: found, lost, duplicated };
  });
}

/** A status alone is one word; what it says must be what the times say. */
function judgeEnd(
  { status, paidAt, closedAt }: OrderFacts,
  lost: string[],
  duplicated: string[],
): void {
  const isPaid = status === 'PAID';
  const isClosed = status === 'CANCELLED';
  if (!isPaid && !isClosed) lost.push('payment or closing');
  if (isPaid && paidAt === undefined) lost.push('time of payment');
  if (isClosed && closedAt === undefined) lost.push('time of closing');
  if ((isPaid || paidAt !== undefined) && (isClosed || closedAt !== undefined)) {
    duplicated.push('end: paid and closed');
  }
}

/**
 * Adds what only the buyers know: a payment that was acknowledged and is not there is lost, however well everything else
 * fits; and nobody may have paid for who did not.
 */
export function heldToBuyers(
  ways: readonly OrderWay[],
  buyers: { paid: readonly string[]; unpaid: readonly string[] },
): OrderWay[] {
  const paid = new Set(buyers.paid);
  const unpaid = new Set(buyers.unpaid);
  return ways.map((way) => {
    const { orderNo, order, lost, duplicated } = way;
    if (order === undefined) return way;
    const isPaid = order.status === 'PAID';
    if (paid.has(orderNo) && !isPaid) return { ...way, lost: [...lost, 'payment'] };
    if (unpaid.has(orderNo) && isPaid) return { ...way, duplicated: [...duplicated, 'payment'] };
    return way;
  });
}

function expectedOf(order: OrderFacts | undefined): Map<Effect, number> {
  const paidCount = order?.status === 'PAID' ? 1 : 0;
  const closedCount = order?.status === 'CANCELLED' ? 1 : 0;
  return new Map<Effect, number>([
    ['push Created', 1],
    ['push Paid', paidCount],
    ['push Closed', closedCount],
    ['delivery', 1 + paidCount + closedCount],
    ['coupon', paidCount],
  ]);
}

/** What holds for all orders in the database, whoever placed them. */
export interface WholeDatabase {
  orders: number;
  paid: number;
  closed: number;
  /** Effects not (yet) there: orders of other runs may still be on their way. */
  missing: number;
  /** Coupons and notifications beyond the one there may be for an order. */
  doubled: number;
  /** Coupons and notifications of what has not happened: of a payment, a closing or an order that is not there. */
  unearned: number;
  /** Orders that contradict themselves: both paid and closed, a status against their times, a total against their items. */
  torn: number;
}

export type Schemas = Readonly<Record<keyof typeof schemas, string>>;

/** Reads the three schemas. Knows nothing of brokers or services: what it says, the databases alone say. */
export class Audit {
  readonly #connection: Connection;
  readonly #schemas: Schemas;

  private constructor(connection: Connection, names: Schemas) {
    this.#connection = connection;
    this.#schemas = names;
  }

  static async open(databaseUrl: string, names: Schemas = schemas): Promise<Audit> {
    return new Audit(await createConnection({ uri: databaseUrl, timezone: 'Z' }), names);
  }

  async ways(orderNos: readonly string[]): Promise<OrderWay[]> {
    if (orderNos.length === 0) return [];
    const names = this.#schemas;
    const orders = await this.#rows(
      `SELECT order_no, status, placed_at, paid_at, closed_at FROM ${names.order}.orders WHERE order_no IN (?)`,
      [orderNos],
    );
    const effects = await this.#rows(
      `SELECT order_no, 'coupon' AS effect, COUNT(*) AS count, MIN(issued_at) AS at
         FROM ${names.coupon}.coupons WHERE order_no IN (?) GROUP BY order_no
       UNION ALL
       SELECT order_no, CONCAT('push ', kind), COUNT(*), MIN(recorded_at)
         FROM ${names.push}.notifications WHERE order_no IN (?) GROUP BY order_no, kind
       UNION ALL
       SELECT order_no, 'delivery', COUNT(delivered_at), MIN(delivered_at)
         FROM ${names.push}.notifications WHERE order_no IN (?) AND delivered_at IS NOT NULL
        GROUP BY order_no`,
      [orderNos, orderNos, orderNos],
    );
    return judge(
      orderNos,
      orders.map((row) => ({
        orderNo: row['order_no'],
        status: row['status'],
        placedAt: row['placed_at'],
        paidAt: row['paid_at'] ?? undefined,
        closedAt: row['closed_at'] ?? undefined,
      })),
      effects.map((row) => ({
        orderNo: row['order_no'],
        effect: row['effect'],
        count: Number(row['count']),
        at: row['at'],
      })),
    );
  }

  async wholeDatabase(): Promise<WholeDatabase> {
    const names = this.#schemas;
    const [row] = await this.#rows(
      `WITH
         effects AS (
           SELECT order_no, 'coupon' AS effect, COUNT(*) AS count
             FROM ${names.coupon}.coupons GROUP BY order_no
           UNION ALL
           SELECT order_no, kind, COUNT(*) FROM ${names.push}.notifications GROUP BY order_no, kind
         ),
         paid AS (SELECT order_no FROM ${names.order}.orders WHERE status = 'PAID'),
         closed AS (SELECT order_no FROM ${names.order}.orders WHERE status = 'CANCELLED')
       SELECT
         (SELECT COUNT(*) FROM ${names.order}.orders) AS orders,
         (SELECT COUNT(*) FROM paid) AS paid,
         (SELECT COUNT(*) FROM closed) AS closed,
         (SELECT COUNT(*) FROM ${names.order}.orders WHERE order_no NOT IN
           (SELECT order_no FROM effects WHERE effect = 'Created')) +
         (SELECT COUNT(*) FROM paid WHERE order_no NOT IN
           (SELECT order_no FROM effects WHERE effect = 'Paid')) +
         (SELECT COUNT(*) FROM closed WHERE order_no NOT IN
           (SELECT order_no FROM effects WHERE effect = 'Closed')) +
         (SELECT COUNT(*) FROM ${names.push}.notifications WHERE delivered_at IS NULL) +
         (SELECT COUNT(*) FROM paid WHERE order_no NOT IN
           (SELECT order_no FROM effects WHERE effect = 'coupon')) AS missing,
         (SELECT COALESCE(SUM(count - 1), 0) FROM effects) AS doubled,
         (SELECT COALESCE(SUM(count), 0) FROM effects WHERE
           (effect IN ('coupon', 'Paid') AND order_no NOT IN (SELECT order_no FROM paid)) OR
           (effect = 'Closed' AND order_no NOT IN (SELECT order_no FROM closed)) OR
           order_no NOT IN (SELECT order_no FROM ${names.order}.orders)) AS unearned,
         (SELECT COUNT(*) FROM ${names.order}.orders AS o WHERE
           status NOT IN ('PENDING', 'PAID', 'CANCELLED') OR
           (status = 'PAID') <> (paid_at IS NOT NULL) OR
           (status = 'CANCELLED') <> (closed_at IS NOT NULL) OR
           total_minor <> (SELECT COALESCE(SUM(quantity * unit_price_minor), -1)
             FROM ${names.order}.order_items AS i WHERE i.order_no = o.order_no)) AS torn`,
      [],
    );
    const number = (name: string): number => Number(row?.[name]);
    return {
      orders: number('orders'),
      paid: number('paid'),
      closed: number('closed'),
      missing: number('missing'),
      doubled: number('doubled'),
      unearned: number('unearned'),
      torn: number('torn'),
    };
  }

  async close(): Promise<void> {
    await this.#connection.end();
  }

  async #rows(sql: string, values: unknown[]): Promise<RowDataPacket[]> {
    const [rows] = await this.#connection.query<RowDataPacket[]>(sql, values);
    return rows;
  }
}
