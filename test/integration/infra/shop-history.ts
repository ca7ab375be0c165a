import { createConnection, type Connection } from 'mysql2/promise';
import type { MigrationInterface } from 'typeorm';
import { Audit } from '../../../infra/audit/audit.ts';
import { schemas, type Schemas, type ServiceName } from '../../../infra/audit/schemas.ts';
import { Coupons1764000000000 } from '../../../services/coupon/persistence/migrations/1764000000000-coupons.ts';
import { Messaging1764000000001 } from '../../../services/coupon/persistence/migrations/1764000000001-messaging.ts';
import { Redemptions1764000000002 } from '../../../services/coupon/persistence/migrations/1764000000002-redemptions.ts';
import { FlashSales1764000000000 } from '../../../services/flashsale/persistence/migrations/1764000000000-flash-sales.ts';
import { FlashOrders1764000000005 } from '../../../services/order/persistence/migrations/1764000000005-flash-orders.ts';
import { Orders1764000000000 } from '../../../services/order/persistence/migrations/1764000000000-orders.ts';
import { HalfMessages1764000000003 } from '../../../services/order/persistence/migrations/1764000000003-half-messages.ts';
import { LifeOfAnOrder1764000000004 } from '../../../services/order/persistence/migrations/1764000000004-life-of-an-order.ts';
import { Payments1764000000000 } from '../../../services/payment/persistence/migrations/1764000000000-payments.ts';
import { Points1764000000000 } from '../../../services/points/persistence/migrations/1764000000000-points.ts';
import { Notifications1764000000000 } from '../../../services/push/persistence/migrations/1764000000000-notifications.ts';
import { Delivery1764000000001 } from '../../../services/push/persistence/migrations/1764000000001-delivery.ts';
import { Messaging1764000000002 } from '../../../services/push/persistence/migrations/1764000000002-messaging.ts';
import { Refunds1764000000000 } from '../../../services/refund/persistence/migrations/1764000000000-refunds.ts';
import { Stock1764000000000 } from '../../../services/stock/persistence/migrations/1764000000000-stock.ts';
import { Streams1764000000000 } from '../../../services/sync/persistence/migrations/1764000000000-streams.ts';
import { ThirdParty1764000000000 } from '../../../services/third-party/persistence/migrations/1764000000000-third-party.ts';
import { Shipments1764000000000 } from '../../../services/warehouse/persistence/migrations/1764000000000-shipments.ts';
import { Tables } from '../services/tables.ts';

const migrationsOf: Readonly<Record<ServiceName, (new () => MigrationInterface)[]>> = {
  order: [
    Orders1764000000000,
    HalfMessages1764000000003,
    LifeOfAnOrder1764000000004,
    FlashOrders1764000000005,
  ],
  coupon: [Coupons1764000000000, Messaging1764000000001, Redemptions1764000000002],
  push: [Notifications1764000000000, Delivery1764000000001, Messaging1764000000002],
  stock: [Stock1764000000000],
  payment: [Payments1764000000000],
  points: [Points1764000000000],
  warehouse: [Shipments1764000000000],
  refund: [Refunds1764000000000],
  'third-party': [ThirdParty1764000000000],
  flashsale: [FlashSales1764000000000],
  sync: [Streams1764000000000],
};

/** What is emptied between two tests, and filled by a history. */
const tablesOf: Readonly<Record<ServiceName, readonly string[]>> = {
  order: ['orders', 'order_items', 'order_refunds', 'order_refund_items', 'outbox_messages'],
  coupon: ['coupons', 'red_packets', 'redemptions', 'outbox_messages'],
  push: ['notifications', 'outbox_messages'],
  stock: [
    'stock_movements',
    'stock_levels',
    'reservations',
    'reservation_items',
    'outbox_messages',
  ],
  payment: ['payments', 'payment_refunds', 'outbox_messages'],
  points: ['points_movements', 'points_balances', 'outbox_messages'],
  warehouse: ['shipments', 'shipment_items', 'goods_returns', 'outbox_messages'],
  refund: ['refunds', 'refund_steps', 'outbox_messages'],
  'third-party': ['channel_charges', 'channel_refunds', 'carrier_shipments'],
  flashsale: ['flash_sales', 'flash_tickets', 'parked_messages', 'outbox_messages'],
  sync: ['outbox_messages'],
};

export interface Line {
  sku: string;
  quantity: number;
}

const prices: Readonly<Record<string, number>> = { TEA: 690, MUG: 1_200 };
const currency = 'EUR';

/** What became of an order, to be told by the rows of all services. */
export interface Story {
  orderNo: string;
  end: 'pending' | 'closed' | 'paid too late' | 'paid' | 'shipped';
  at: Date;
  userId?: string;
  items?: readonly Line[];
  /** The coupon it uses. */
  coupon?: { code: string; amountMinor: number };
  /** The flash sale it comes from, by a ticket of its own number. */
  saleId?: string;
  refunds?: readonly StoryOfRefund[];
}

export interface StoryOfRefund {
  refundNo: string;
  amountMinor: number;
  points: number;
  items: readonly Line[];
  isWhole: boolean;
  /** `awaited`: the goods have left and are not back. */
  goods: 'taken out' | 'come back' | 'awaited';
}

/** A flash sale that is open. What was taken of it follows from the stories. */
export interface StoryOfSale {
  saleId: string;
  sku: string;
  stock: number;
  at: Date;
}

type Row = Readonly<Record<string, unknown>>;

/** A schema a service made by the services' own migrations, filled by hand, without a service that would notice. */
export class ShopHistory implements AsyncDisposable {
  readonly schemas: Schemas;
  readonly audit: Audit;
  readonly #connection: Connection;
  readonly #tables: readonly Tables[];
  #rows = new Map<string, Row[]>();

  private constructor(
    names: Schemas,
    tables: readonly Tables[],
    connection: Connection,
    audit: Audit,
  ) {
    this.schemas = names;
    this.#tables = tables;
    this.#connection = connection;
    this.audit = audit;
  }

  static async create(): Promise<ShopHistory> {
    const names: Record<string, string> = {};
    const all: Tables[] = [];
    for (const service of Object.keys(schemas) as ServiceName[]) {
      const tables = await Tables.create([], migrationsOf[service]);
      names[service] = tables.schema;
      all.push(tables);
    }
    const url = process.env['DATABASE_URL'] ?? '';
    const connection = await createConnection({ uri: url, timezone: 'Z' });
    // Damage is what no service would do: the database must not be in its way.
    await connection.query('SET SESSION foreign_key_checks = 0, check_constraint_checks = 0');
    const copy = { databaseUrl: url, schema: `${names['order']}_copy` };
    const audit = await Audit.open(url, names as unknown as Schemas, copy);
    return new ShopHistory(names as unknown as Schemas, all, connection, audit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.audit.close();
    await this.#connection.end();
    for (const tables of this.#tables) await tables[Symbol.asyncDispose]();
  }

  /** `{order}` stands for the order service's schema, and so on. */
  async sql(statement: string): Promise<void> {
    await this.#connection.query(
      statement.replaceAll(/\{([a-z-]+)\}/g, (_, name: string) => this.#schema(name)),
    );
  }

  /** Forgets everything and tells these stories; levels and balances follow from the movements. */
  async tell(stories: readonly Story[], sales: readonly StoryOfSale[] = []): Promise<void> {
    this.#rows = new Map();
    const at = new Date('2026-11-01T00:00:00.000Z');
    for (const sku of Object.keys(prices)) {
      this.#move('RECEIVED', 'FIRST-DELIVERY', [{ sku, quantity: 1_000_000 }], at);
    }
    for (const story of stories) this.#tell(story);
    for (const sale of sales) this.#sell(sale);
    this.#sumUp();
    for (const [service, tables] of Object.entries(tablesOf)) {
      for (const table of tables) await this.#write(service, table);
    }
  }

  async #write(service: string, table: string): Promise<void> {
    const name = `${this.#schema(service)}.${table}`;
    await this.#connection.query(`DELETE FROM ${name}`);
    const rows = this.#rows.get(`${service}.${table}`) ?? [];
    const columns = Object.keys(rows[0] ?? {});
    for (let first = 0; first < rows.length; first += 1_000) {
      await this.#connection.query(`INSERT INTO ${name} (${columns.join(', ')}) VALUES ?`, [
        rows.slice(first, first + 1_000).map((row) => columns.map((column) => row[column])),
      ]);
    }
  }

  #schema(service: string): string {
    const name = this.schemas[service as ServiceName] as string | undefined;
    if (name === undefined) throw new Error(`there is no service ${service}`);
    return name;
  }

  #add(service: ServiceName, table: string, ...rows: Row[]): void {
    const key = `${service}.${table}`;
    const known = this.#rows.get(key);
    if (known === undefined) this.#rows.set(key, rows);
    else known.push(...rows);
  }

  #tell(story: Story): void {
    const { orderNo, end, at, coupon, refunds = [] } = story;
    const items = story.items ?? [{ sku: 'TEA', quantity: 2 }];
    const userId = story.userId ?? `user of ${orderNo}`;
    const isPaid = end === 'paid' || end === 'shipped';
    const isLate = end === 'paid too late';
    const isClosed = end === 'closed' || isLate;
    const discountMinor = coupon?.amountMinor ?? 0;
    const grossMinor = items.reduce(
      (sum, { sku, quantity }) => sum + quantity * (prices[sku] ?? 0),
      0,
    );
    const totalMinor = grossMinor - discountMinor;
    const paymentNo = `P-${orderNo}`;
    const order = { order_no: orderNo, user_id: userId };
    this.#add('order', 'orders', {
      ...order,
      status: statusOf(story),
      sale_id: story.saleId ?? null,
      discount_minor: discountMinor,
      coupon_code: coupon?.code ?? null,
      total_minor: totalMinor,
      currency,
      placed_at: at,
      paid_at: isPaid ? at : null,
      payment_no: isPaid ? paymentNo : null,
      closed_at: isClosed ? at : null,
      shipped_at: end === 'shipped' ? at : null,
    });
    for (const [index, { sku, quantity }] of items.entries()) {
      this.#add('order', 'order_items', {
        order_no: orderNo,
        line_no: index + 1,
        sku,
        quantity,
        unit_price_minor: prices[sku],
      });
    }
    if (story.saleId !== undefined) {
      this.#add('flashsale', 'flash_tickets', {
        ticket_no: orderNo,
        sale_id: story.saleId,
        user_id: userId,
        status: isClosed ? 'RETURNED' : 'ORDERED',
        code: null,
        reason: null,
        admitted_at: at,
        updated_at: at,
      });
    }
    this.#push(order, 'Created', at);
    if (isClosed) this.#push(order, 'Closed', at);
    this.#reserve(orderNo, items, isPaid ? 'CONFIRMED' : isClosed ? 'RELEASED' : 'RESERVED', at);
    if (coupon !== undefined) {
      const isBack =
        isClosed || refunds.some(({ isWhole, goods }) => isWhole && goods !== 'awaited');
      this.#redeem(orderNo, coupon.code, isBack ? 'RELEASED' : isPaid ? 'KEPT' : 'HELD', at);
    }
    if (isPaid || isLate) this.#pay(orderNo, paymentNo, totalMinor, at);
    if (isLate) {
      const refund = { refundNo: `R-${orderNo}`, amountMinor: totalMinor, points: 0, items: [] };
      this.#push(order, 'PaidTooLate', at);
      this.#refund(order, paymentNo, totalMinor, 'LATE_PAYMENT', at, {
        ...refund,
        isWhole: true,
        goods: 'taken out',
      });
    }
    if (!isPaid) return;
    this.#push(order, 'Paid', at);
    if (end === 'shipped') this.#push(order, 'Shipped', at);
    this.#points('EARNED', orderNo, order, Math.floor(totalMinor / 100), totalMinor, at);
    this.#reward(order, refunds, at);
    this.#ship(story, items);
    for (const refund of refunds) {
      this.#push(order, 'RefundRequested', at);
      this.#refund(order, paymentNo, totalMinor, 'CUSTOMER', at, refund);
    }
  }

  #sell({ saleId, sku, stock, at }: StoryOfSale): void {
    const tickets = this.#rows.get('flashsale.flash_tickets') ?? [];
    const live = tickets.filter(
      (ticket) => ticket['sale_id'] === saleId && ticket['status'] === 'ORDERED',
    );
    this.#add('flashsale', 'flash_sales', {
      id: saleId,
      sku,
      stock,
      per_user_limit: 1,
      starts_at: at,
      ends_at: new Date(at.getTime() + 3_600_000),
      state: 'OPEN',
      taken: live.length,
      created_at: at,
    });
  }

  #push(order: Row, kind: string, at: Date): void {
    const before = this.#rows.get('push.notifications')?.length ?? 0;
    this.#add('push', 'notifications', {
      event_id: `event-${before}`,
      ...order,
      kind,
      text: '',
      recorded_at: at,
      delivered_at: at,
    });
  }

  #reserve(orderNo: string, items: readonly Line[], status: string, at: Date): void {
    this.#add('stock', 'reservations', {
      order_no: orderNo,
      status,
      transaction_key: orderNo,
      is_order_known: true,
      created_at: at,
      updated_at: at,
    });
    for (const item of items) {
      this.#add('stock', 'reservation_items', { order_no: orderNo, ...item });
    }
    this.#move('RESERVED', orderNo, items, at);
    if (status !== 'RESERVED') this.#move(status, orderNo, items, at);
  }

  #move(kind: string, reference: string, items: readonly Line[], at: Date): void {
    for (const { sku, quantity } of items) {
      const movement = { sku, kind, quantity, reference, occurred_at: at };
      this.#add('stock', 'stock_movements', movement);
    }
  }

  #redeem(orderNo: string, code: string, status: string, at: Date): void {
    this.#add('coupon', 'redemptions', {
      order_no: orderNo,
      code,
      status,
      transaction_key: orderNo,
      is_order_known: true,
      kept_at: status === 'HELD' ? null : at,
      created_at: at,
      updated_at: at,
    });
    if (status === 'RELEASED') return;
    const coupons = this.#rows.get('coupon.coupons') ?? [];
    const index = coupons.findIndex((row) => row['code'] === code);
    coupons[index] = { ...coupons[index], status: 'REDEEMED', redeemed_by_order_no: orderNo };
  }

  #pay(orderNo: string, paymentNo: string, amountMinor: number, at: Date): void {
    this.#add('payment', 'payments', {
      payment_no: paymentNo,
      order_no: orderNo,
      amount_minor: amountMinor,
      currency,
      status: 'SUCCEEDED',
      created_at: at,
      settled_at: at,
    });
    this.#add('third-party', 'channel_charges', {
      request_no: paymentNo,
      charge_no: `CH-${orderNo}`,
      status: 'SUCCEEDED',
      amount_minor: amountMinor,
      refunded_minor: 0,
      currency,
      callback_url: 'http://payment/channel-callbacks',
      callback_attempt_count: 1,
      accepted_at: at,
      settled_at: at,
    });
  }

  #points(
    kind: string,
    reference: string,
    order: Row,
    points: number,
    amountMinor: number,
    at: Date,
  ): void {
    const cause = { kind, reference, ...order };
    const amounts = { points, amount_minor: amountMinor, occurred_at: at };
    this.#add('points', 'points_movements', { ...cause, ...amounts });
  }

  #reward(order: Row, refunds: readonly StoryOfRefund[], at: Date): void {
    const isOver = refunds.some(({ isWhole, goods }) => isWhole && goods !== 'awaited');
    this.#add('coupon', 'coupons', {
      code: `C-${String(order['order_no'])}`,
      ...order,
      amount_minor: 69,
      currency,
      status: isOver ? 'RECALLED' : 'ISSUED',
      redeemed_by_order_no: null,
      recall_asked_at: isOver ? at : null,
      issued_at: at,
      expires_at: at,
    });
    this.#add('coupon', 'red_packets', {
      packet_no: `RP-${String(order['order_no'])}`,
      ...order,
      amount_minor: 14,
      currency,
      status: isOver ? 'RECALLED' : 'OPEN',
      issued_at: at,
      recalled_at: isOver ? at : null,
    });
  }

  #ship({ orderNo, end, at, refunds = [] }: Story, items: readonly Line[]): void {
    const shipmentNo = `S-${orderNo}`;
    const takenOut = refunds.filter(({ goods }) => goods === 'taken out');
    const cancelled = (sku: string): number =>
      takenOut
        .flatMap((refund) => refund.items)
        .filter((item) => item.sku === sku)
        .reduce((sum, { quantity }) => sum + quantity, 0);
    const isCancelled = takenOut.some(({ isWhole }) => isWhole);
    this.#add('warehouse', 'shipments', {
      shipment_no: shipmentNo,
      order_no: orderNo,
      status: isCancelled ? 'CANCELLED' : end === 'shipped' ? 'SHIPPED' : 'REQUESTED',
      tracking_no: null,
      requested_at: at,
      shipped_at: end === 'shipped' ? at : null,
    });
    for (const { sku, quantity } of items) {
      const packed = { sku, quantity, cancelled_quantity: cancelled(sku) };
      this.#add('warehouse', 'shipment_items', { shipment_no: shipmentNo, ...packed });
    }
    if (end !== 'shipped') return;
    const content = items
      .map(({ sku, quantity }) => ({ sku, quantity: quantity - cancelled(sku) }))
      .filter(({ quantity }) => quantity > 0);
    this.#add('third-party', 'carrier_shipments', {
      request_no: shipmentNo,
      status: 'ACCEPTED',
      tracking_no: `TRK-${orderNo}`,
      order_no: orderNo,
      items: JSON.stringify(content),
      accepted_at: at,
    });
  }

  #refund(
    order: Row,
    paymentNo: string,
    totalMinor: number,
    reason: 'CUSTOMER' | 'LATE_PAYMENT',
    at: Date,
    { refundNo, amountMinor, points, items, isWhole, goods }: StoryOfRefund,
  ): void {
    const isThrough = goods !== 'awaited';
    const orderNo = String(order['order_no']);
    const refund = { refund_no: refundNo, order_no: orderNo, reason, payment_no: paymentNo };
    const times = { requested_at: at, completed_at: isThrough ? at : null };
    this.#add('order', 'order_refunds', {
      ...refund,
      amount_minor: amountMinor,
      is_whole: isWhole,
      ...times,
    });
    for (const item of items) {
      this.#add('order', 'order_refund_items', { refund_no: refundNo, ...item });
    }
    this.#add('refund', 'refunds', {
      ...refund,
      user_id: order['user_id'],
      status: isThrough ? 'COMPLETED' : 'RUNNING',
      refund_minor: amountMinor,
      order_total_minor: totalMinor,
      currency,
      items: JSON.stringify(items),
      is_whole: isWhole,
      ...times,
    });
    const steps =
      reason === 'LATE_PAYMENT'
        ? ['ReturnMoney']
        : ['ReturnGoods', 'Restock', 'DeductPoints', 'RecallCoupon', 'ReturnMoney'];
    for (const [position, step] of steps.entries()) {
      this.#add('refund', 'refund_steps', {
        refund_no: refundNo,
        step,
        position,
        status: isThrough ? 'DONE' : position === 0 ? 'DUE' : 'WAITING',
        try_count: 1,
        note: '',
        changed_at: at,
      });
    }
    if (reason === 'CUSTOMER') {
      this.#add('warehouse', 'goods_returns', {
        refund_no: refundNo,
        shipment_no: `S-${orderNo}`,
        order_no: orderNo,
        status: { 'taken out': 'CANCELLED', 'come back': 'RECEIVED', awaited: 'AWAITED' }[goods],
        items: JSON.stringify(items),
        requested_at: at,
        settled_at: isThrough ? at : null,
      });
    }
    if (!isThrough) return;
    this.#move('RESTOCKED', refundNo, items, at);
    if (reason === 'CUSTOMER') {
      this.#points('DEDUCTED', refundNo, order, points, amountMinor, at);
    }
    this.#add('payment', 'payment_refunds', {
      refund_no: refundNo,
      payment_no: paymentNo,
      order_no: orderNo,
      amount_minor: amountMinor,
      status: 'SUCCEEDED',
      is_refused: false,
      attempt_count: 1,
      event_id: refundNo,
      created_at: at,
      updated_at: at,
    });
    this.#add('third-party', 'channel_refunds', {
      refund_no: refundNo,
      request_no: paymentNo,
      amount_minor: amountMinor,
      currency,
      refunded_at: at,
    });
    this.#push(order, 'Refunded', at);
  }

  #sumUp(): void {
    const sum = (
      rows: readonly Row[] | undefined,
      key: string,
      of: (row: Row) => number,
    ): Map<string, number> => {
      const sums = new Map<string, number>();
      for (const row of rows ?? []) {
        const name = String(row[key]);
        sums.set(name, (sums.get(name) ?? 0) + of(row));
      }
      return sums;
    };
    const stock = (signs: Readonly<Record<string, number>>): Map<string, number> =>
      sum(
        this.#rows.get('stock.stock_movements'),
        'sku',
        ({ kind, quantity }) => (signs[String(kind)] ?? 0) * Number(quantity),
      );
    const available = stock({ RECEIVED: 1, RESERVED: -1, RELEASED: 1, RESTOCKED: 1 });
    const reserved = stock({ RESERVED: 1, CONFIRMED: -1, RELEASED: -1 });
    const sold = stock({ CONFIRMED: 1, RESTOCKED: -1 });
    for (const sku of Object.keys(prices)) {
      this.#add('stock', 'stock_levels', {
        sku,
        available: available.get(sku),
        reserved: reserved.get(sku),
        sold: sold.get(sku),
      });
    }
    const balances = sum(this.#rows.get('points.points_movements'), 'user_id', (row) =>
      row['kind'] === 'EARNED' ? Number(row['points']) : -Number(row['points']),
    );
    for (const [userId, points] of balances) {
      this.#add('points', 'points_balances', { user_id: userId, points });
    }
  }
}

function statusOf({ end, refunds = [] }: Story): string {
  if (refunds.some(({ goods }) => goods === 'awaited')) return 'REFUNDING';
  if (refunds.length > 0) {
    return refunds.some(({ isWhole }) => isWhole) ? 'REFUNDED' : 'PARTIALLY_REFUNDED';
  }
  return {
    pending: 'PENDING',
    closed: 'CANCELLED',
    'paid too late': 'CANCELLED',
    paid: 'PAID',
    shipped: 'SHIPPED',
  }[end];
}
