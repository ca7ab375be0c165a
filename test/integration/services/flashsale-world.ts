import { randomUUID } from 'node:crypto';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { newDocumentNo } from '../../../services/common/document-number.ts';
import {
  FLASH_ORDERS,
  FLASH_ORDERS_TAG,
  type FlashOrderRequested,
} from '../../../services/contracts/flash-orders.ts';
import { openSale, type FlashSale } from '../../../services/flashsale/domain/flash-sale.ts';
import { FlashSaleRepository } from '../../../services/flashsale/persistence/flash-sale.repository.ts';
import { SaleRebuild } from '../../../services/flashsale/redis/sale-rebuild.ts';
import { SaleState } from '../../../services/flashsale/redis/sale-state.ts';
import { until } from '../../support/deadline.ts';
import { createShopTopics } from './shop-messages.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

/** Any sku of the catalogue will do: each world has a stock of its own. */
export const SKU = 'GRINDER-HAND';

export interface WorldOptions {
  order?: Record<string, string>;
  keeper?: Record<string, string>;
  redisUrl?: string;
  queueCount?: number;
  /** The keeper is started by the test itself, as a process say. */
  withoutKeeper?: boolean;
}

/** A broker, stock, order and the flash sale's keeper; the test itself is the gate. */
export class FlashSaleWorld implements AsyncDisposable {
  readonly broker: TestBroker;
  readonly producer: Producer;
  readonly stock: RunningService;
  readonly order: RunningService;
  /** A role that does nothing of itself where there is no keeper: through it the test sees ledger and Redis. */
  readonly keeper: RunningService;
  readonly schemas: { stock: string; order: string; flashsale: string };
  readonly keeperEnv: Record<string, string>;

  private constructor(parts: {
    broker: TestBroker;
    producer: Producer;
    stock: RunningService;
    order: RunningService;
    keeper: RunningService;
    schemas: { stock: string; order: string; flashsale: string };
    keeperEnv: Record<string, string>;
  }) {
    this.broker = parts.broker;
    this.producer = parts.producer;
    this.stock = parts.stock;
    this.order = parts.order;
    this.keeper = parts.keeper;
    this.schemas = parts.schemas;
    this.keeperEnv = parts.keeperEnv;
  }

  static async start(options: WorldOptions = {}): Promise<FlashSaleWorld> {
    const schemas = { stock: newSchema(), order: newSchema(), flashsale: newSchema() };
    const broker = await testBroker();
    const { namesrvAddr } = broker;
    await createShopTopics(broker, options.queueCount);
    await broker.createTopic(FLASH_ORDERS, options.queueCount);
    const producer = new Producer({ namesrvAddr, producerGroup: 'test' });
    const stock = await startService('stock', { namesrvAddr, schema: schemas.stock });
    const order = await startService('order', {
      namesrvAddr,
      schema: schemas.order,
      env: { STOCK_URL: stock.url, ...options.order },
    });
    const keeperEnv = {
      ORDER_URL: order.url,
      STOCK_URL: stock.url,
      FLASHSALE_SEND_TIMEOUT_MS: '500',
      FLASHSALE_PENDING_TIMEOUT_MS: '4000',
      ...options.keeper,
    };
    const keeper = await startService('flashsale', {
      namesrvAddr,
      schema: schemas.flashsale,
      ...(options.redisUrl === undefined ? {} : { redisUrl: options.redisUrl }),
      env: { ...keeperEnv, FLASHSALE_ROLE: options.withoutKeeper === true ? 'gate' : 'keeper' },
    });
    return new FlashSaleWorld({ broker, producer, stock, order, keeper, schemas, keeperEnv });
  }

  get state(): SaleState {
    return this.keeper.app.get(SaleState);
  }

  /** Opens a sale that goes on now, as the gate does. */
  async open(
    terms: Partial<Pick<FlashSale, 'stock' | 'perUserLimit' | 'sku' | 'startsAt'>> = {},
  ): Promise<FlashSale> {
    const now = new Date();
    const sale = openSale(
      newDocumentNo(now),
      {
        sku: SKU,
        stock: 100,
        perUserLimit: 1,
        startsAt: new Date(now.getTime() - 1_000),
        endsAt: new Date(now.getTime() + 3_600_000),
        ...terms,
      },
      now,
    );
    const rebuild = this.keeper.app.get(SaleRebuild);
    const token = randomUUID();
    await rebuild.begin(sale.saleId, token);
    await this.keeper.app.get(FlashSaleRepository).insert(this.keeper.database.manager, sale);
    await rebuild.finish(sale, token);
    return sale;
  }

  /** Admits these customers in Redis; returns the messages of those who got in. */
  async admit(sale: FlashSale, userIds: readonly string[]): Promise<FlashOrderRequested[]> {
    const admitted: FlashOrderRequested[] = [];
    for (let from = 0; from < userIds.length; from += 256) {
      const wishes = userIds
        .slice(from, from + 256)
        .map((userId) => ({ userId, ticketNo: newDocumentNo(new Date()) }));
      const admission = await this.state.admit(sale.saleId, wishes);
      if (admission.window !== 'OPEN') throw new Error(`the sale is ${admission.window}`);
      for (const [index, { ticketNo, userId }] of wishes.entries()) {
        if (admission.verdicts[index] !== 'ADMITTED') continue;
        admitted.push(requested(sale, ticketNo, userId));
      }
    }
    return admitted;
  }

  async send(requests: readonly FlashOrderRequested[]): Promise<void> {
    for (let from = 0; from < requests.length; from += 256) {
      await this.producer.sendBatch(
        requests.slice(from, from + 256).map((request) => ({
          topic: FLASH_ORDERS,
          tags: FLASH_ORDERS_TAG,
          keys: request.ticketNo,
          body: JSON.stringify(request),
        })),
      );
    }
  }

  async confirm(
    { saleId }: FlashSale,
    requests: readonly FlashOrderRequested[],
  ): Promise<string[]> {
    const voids: string[] = [];
    for (let from = 0; from < requests.length; from += 256) {
      const nos = requests.slice(from, from + 256).map(({ ticketNo }) => ticketNo);
      voids.push(...(await this.state.confirm(saleId, nos)));
    }
    return voids;
  }

  /** As a gate with nothing in its way. */
  async buy(sale: FlashSale, userIds: readonly string[]): Promise<FlashOrderRequested[]> {
    const requests = await this.admit(sale, userIds);
    await this.send(requests);
    await this.confirm(sale, requests);
    return requests;
  }

  /** How many tickets of a sale have each status: `ORDERED 3`. */
  async statuses({ saleId }: FlashSale): Promise<string[]> {
    const rows = await this.keeper.query<{ status: string; count: string }>(
      'SELECT status, COUNT(*) AS count FROM flash_tickets WHERE sale_id = ? GROUP BY status ORDER BY status',
      [saleId],
    );
    return rows.map(({ status, count }) => `${status} ${count}`);
  }

  async ticket(ticketNo: string): Promise<{ status: string; code: string | null } | undefined> {
    const [row] = await this.keeper.query<{ status: string; code: string | null }>(
      'SELECT status, code FROM flash_tickets WHERE ticket_no = ?',
      [ticketNo],
    );
    return row;
  }

  async untilStatuses(sale: FlashSale, wanted: string[], timeoutMs = 20_000): Promise<void> {
    await until(
      async () => {
        const found = (await this.statuses(sale)).join();
        if (found === wanted.join()) return true;
        throw new Error(`the tickets are ${found}`);
      },
      { what: wanted.join(), timeoutMs },
    );
  }

  /**
   * Everything that is not as it must be of a sale at rest: tickets, orders, what is reserved of the sku, Redis. Empty when there
   * is no difference.
   */
  async differences(sale: FlashSale): Promise<string[]> {
    const { stock, order, flashsale } = this.schemas;
    const { saleId, perUserLimit } = sale;
    const connection = await createConnection({ uri: process.env['DATABASE_URL'] ?? '' });
    const found: string[] = [];
    const say = async (what: string, sql: string): Promise<void> => {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      found.push(...rows.map((row) => `${what}: ${JSON.stringify(row)}`));
    };
    try {
      await say(
        'ordered without an order',
        `SELECT ticket_no FROM ${flashsale}.flash_tickets LEFT JOIN ${order}.orders ON order_no = ticket_no
           WHERE flash_tickets.sale_id = '${saleId}' AND flash_tickets.status IN ('ORDERED', 'RETURNED') AND order_no IS NULL`,
      );
      await say(
        'a live order without an ordered ticket',
        `SELECT order_no, flash_tickets.status FROM ${order}.orders LEFT JOIN ${flashsale}.flash_tickets ON order_no = ticket_no
           WHERE orders.sale_id = '${saleId}' AND orders.status <> 'CANCELLED'
             AND COALESCE(flash_tickets.status, '') <> 'ORDERED'`,
      );
      await say(
        'an ordered ticket of a cancelled order',
        `SELECT ticket_no FROM ${flashsale}.flash_tickets JOIN ${order}.orders ON order_no = ticket_no
           WHERE flash_tickets.sale_id = '${saleId}' AND flash_tickets.status = 'ORDERED' AND orders.status = 'CANCELLED'`,
      );
      await say(
        'unsettled',
        `SELECT ticket_no FROM ${flashsale}.flash_tickets WHERE sale_id = '${saleId}' AND status = 'TAKEN'`,
      );
      await say(
        'too often',
        `SELECT user_id, COUNT(*) AS count FROM ${flashsale}.flash_tickets
           WHERE sale_id = '${saleId}' AND status IN ('TAKEN', 'ORDERED') GROUP BY user_id HAVING COUNT(*) > ${perUserLimit}`,
      );
      await say(
        'taken is not the number of live tickets, or more than the stock',
        `SELECT taken, stock, (SELECT COUNT(*) FROM ${flashsale}.flash_tickets WHERE sale_id = id AND status IN ('TAKEN', 'ORDERED')) AS live
           FROM ${flashsale}.flash_sales WHERE id = '${saleId}' HAVING taken <> live OR taken > stock`,
      );
      await say(
        'an order without its goods',
        `SELECT orders.order_no, reservations.status FROM ${order}.orders
           LEFT JOIN ${stock}.reservations ON reservations.order_no = orders.order_no
           WHERE orders.sale_id = '${saleId}' AND orders.status = 'PENDING' AND COALESCE(reservations.status, '') <> 'RESERVED'`,
      );
      await say(
        'goods without an order',
        `SELECT reservations.order_no FROM ${stock}.reservations
           LEFT JOIN ${order}.orders ON reservations.order_no = orders.order_no
           WHERE reservations.status = 'RESERVED' AND orders.order_no IS NULL`,
      );
      const [[row]] = await connection.query<RowDataPacket[]>(
        `SELECT COUNT(*) AS count FROM ${flashsale}.flash_tickets
           WHERE sale_id = '${saleId}' AND status IN ('TAKEN', 'ORDERED')`,
      );
      const remaining = sale.stock - Number(row?.['count']);
      const inRedis = await this.state.read(saleId);
      if (inRedis.remaining !== remaining) {
        found.push(`Redis has ${inRedis.remaining} left, the ledger ${remaining}`);
      }
      return found;
    } finally {
      await connection.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.keeper[Symbol.asyncDispose]();
    await this.order[Symbol.asyncDispose]();
    await this.stock[Symbol.asyncDispose]();
    await this.producer.shutdown();
    await this.broker.close();
    for (const schema of Object.values(this.schemas)) await dropSchema(schema);
  }
}

export function requested(sale: FlashSale, ticketNo: string, userId: string): FlashOrderRequested {
  const { saleId, sku } = sale;
  return { ticketNo, saleId, sku, userId, quantity: 1, admittedAt: new Date().toISOString() };
}

export function users(count: number, prefix = 'user'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}
