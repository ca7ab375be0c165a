import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createConnection } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { Clock } from '../../../services/common/clock.ts';
import { createHttpService } from '../../../services/common/http-service.ts';
import { loadConfig as loadCouponConfig } from '../../../services/coupon/config.ts';
import { CouponModule } from '../../../services/coupon/coupon.module.ts';
import { loadConfig as loadFlashSaleConfig } from '../../../services/flashsale/config.ts';
import { FlashSaleModule } from '../../../services/flashsale/flashsale.module.ts';
import { loadConfig as loadOrderConfig } from '../../../services/order/config.ts';
import { OrderModule } from '../../../services/order/order.module.ts';
import { loadConfig as loadPointsConfig } from '../../../services/points/config.ts';
import { PointsModule } from '../../../services/points/points.module.ts';
import { loadConfig as loadPaymentConfig } from '../../../services/payment/config.ts';
import { PaymentModule } from '../../../services/payment/payment.module.ts';
import { loadConfig as loadPushConfig } from '../../../services/push/config.ts';
import { PushModule } from '../../../services/push/push.module.ts';
import { loadConfig as loadRefundConfig } from '../../../services/refund/config.ts';
import { RefundModule } from '../../../services/refund/refund.module.ts';
import { loadConfig as loadStockConfig } from '../../../services/stock/config.ts';
import { StockModule } from '../../../services/stock/stock.module.ts';
import { loadConfig as loadSyncConfig } from '../../../services/sync/config.ts';
import { SyncModule } from '../../../services/sync/sync.module.ts';
import { loadConfig as loadThirdPartyConfig } from '../../../services/third-party/config.ts';
import { ThirdPartyModule } from '../../../services/third-party/third-party.module.ts';
import { loadConfig as loadWarehouseConfig } from '../../../services/warehouse/config.ts';
import { WarehouseModule } from '../../../services/warehouse/warehouse.module.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { FakePeer } from './fake-peer.ts';

/** Nobody listens there: for tests in which the broker is away. */
export const NO_BROKER = '127.0.0.1:1';

/** With this the tests sign what the shop's log-in would give to customers. */
export const CUSTOMER_TOKEN_SECRET = 'only the tests know this';

function given(name: 'DATABASE_URL' | 'REDIS_URL'): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set; npm test starts a MariaDB and a Redis and sets it`);
  }
  return value;
}

export function redisUrl(): string {
  return given('REDIS_URL');
}

/** A schema name no other test uses. */
export function newSchema(): string {
  return `millrace_test_${randomBytes(6).toString('hex')}`;
}

/** Where a sync service with this schema keeps its copy. */
export function copySchemaOf(schema: string): string {
  return `${schema}_copy`;
}

export async function dropSchema(schema: string): Promise<void> {
  const connection = await createConnection(given('DATABASE_URL'));
  try {
    await connection.query(`DROP DATABASE IF EXISTS \`${schema}\``);
  } finally {
    await connection.end();
  }
}

/** A service of the shop running in this process, on a port and a schema of its own. */
export class RunningService implements AsyncDisposable {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly database: DataSource;
  readonly lines: () => Record<string, unknown>[];
  readonly #ownedSchema: string | undefined;
  readonly #peers: FakePeer | undefined;

  constructor(parts: {
    app: NestFastifyApplication;
    url: string;
    lines: () => Record<string, unknown>[];
    ownedSchema: string | undefined;
    peers: FakePeer | undefined;
  }) {
    this.app = parts.app;
    this.url = parts.url;
    this.database = parts.app.get(DataSource);
    this.lines = parts.lines;
    this.#ownedSchema = parts.ownedSchema;
    this.#peers = parts.peers;
  }

  /** Whoever answers in place of the services that the order service asks. */
  get peers(): FakePeer {
    if (this.#peers === undefined) throw new Error('this service was started without peers');
    return this.#peers;
  }

  /** Lets the service believe that it is so much later than it is. */
  moveClock(aheadMs: number): void {
    this.app.get(Clock).now = () => new Date(Date.now() + aheadMs);
  }

  /** How often the service has logged this of an order. */
  logged(orderNo: string, text: string): number {
    return this.lines().filter((line) => line['orderNo'] === orderNo && line['msg'] === text)
      .length;
  }

  async count(table: string, where = '1 = 1'): Promise<number> {
    const [row] = await this.query<{ count: string }>(
      `SELECT COUNT(*) AS count FROM ${table} WHERE ${where}`,
    );
    return Number(row?.count);
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { headers });
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    });
  }

  async query<Row>(statement: string, parameters: unknown[] = []): Promise<Row[]> {
    return this.database.query(statement, parameters);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
    await this.#peers?.[Symbol.asyncDispose]();
    if (this.#ownedSchema === undefined) return;
    await dropSchema(this.#ownedSchema);
    await dropSchema(copySchemaOf(this.#ownedSchema));
  }
}

export interface StartOptions {
  namesrvAddr?: string;
  /** Shared with another process of the same service; the caller drops it. Default: one of its own. */
  schema?: string;
  redisUrl?: string;
  /** Default: a free one. */
  port?: number;
  /** Further settings of the service, by name. */
  env?: Readonly<Record<string, string>>;
}

type ServiceName =
  | 'order'
  | 'coupon'
  | 'push'
  | 'payment'
  | 'stock'
  | 'points'
  | 'warehouse'
  | 'refund'
  | 'third-party'
  | 'flashsale'
  | 'sync';

export async function startService(
  name: ServiceName,
  options: StartOptions = {},
): Promise<RunningService> {
  const schema = options.schema ?? newSchema();
  const peers = name === 'order' ? await FakePeer.start() : undefined;
  const env = {
    DATABASE_URL: given('DATABASE_URL'),
    DATABASE_SCHEMA: schema,
    REDIS_URL: options.redisUrl ?? redisUrl(),
    NAMESRV_ADDR: options.namesrvAddr ?? NO_BROKER,
    PORT: '0',
    COPY_DATABASE_SCHEMA: copySchemaOf(schema),
    ...(name === 'flashsale' && { CUSTOMER_TOKEN_SECRET }),
    ...peers?.env,
    ...options.env,
  };
  const { log, lines } = recordingLog();
  const modules = {
    order: () => OrderModule.with(loadOrderConfig(env), log),
    coupon: () => CouponModule.with(loadCouponConfig(env), log),
    push: () => PushModule.with(loadPushConfig(env), log),
    stock: () => StockModule.with(loadStockConfig(env), log),
    points: () => PointsModule.with(loadPointsConfig(env), log),
    warehouse: () => WarehouseModule.with(loadWarehouseConfig(env), log),
    refund: () => RefundModule.with(loadRefundConfig(env), log),
    payment: () => PaymentModule.with(loadPaymentConfig(env), log),
    'third-party': () => ThirdPartyModule.with(loadThirdPartyConfig(env), log),
    flashsale: () => FlashSaleModule.with(loadFlashSaleConfig(env), log),
    sync: () => SyncModule.with(loadSyncConfig(env), log),
  };
  const app = await createHttpService(modules[name](), { stopGraceMs: 5_000 }, log);
  try {
    await app.listen(options.port ?? 0, '127.0.0.1');
  } catch (error) {
    // What is left open would keep Jest from ending.
    await app.close();
    await peers?.[Symbol.asyncDispose]();
    throw error;
  }
  const { port } = app.getHttpServer().address() as { port: number };
  return new RunningService({
    app,
    url: `http://127.0.0.1:${port}`,
    lines,
    ownedSchema: options.schema === undefined ? schema : undefined,
    peers,
  });
}
