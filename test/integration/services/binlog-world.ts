import { createConnection, type Connection } from 'mysql2/promise';
import { Clock } from '../../../services/common/clock.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import { LitePullConsumer, Producer } from '../../../services/common/mq.module.ts';
import { EnvReader } from '../../../services/common/env.ts';
import { readMessagingServiceSettings } from '../../../services/common/service-settings.ts';
import {
  comparePositions,
  ORDER_BINLOG,
  parseRowChange,
  type RowChange,
} from '../../../services/contracts/order-binlog.ts';
import { BinlogQueues } from '../../../services/sync/follower/binlog-queues.ts';
import { Checkpoints } from '../../../services/sync/follower/checkpoints.ts';
import { Follower, type FollowerParts } from '../../../services/sync/follower/follower.ts';
import { FollowerMetrics } from '../../../services/sync/follower/follower-metrics.ts';
import { readFollowerSettings } from '../../../services/sync/follower/follower-settings.ts';
import { SavedLinks } from '../../../services/sync/follower/order-links.ts';
import { pause } from '../../../services/sync/follower/pause.ts';
import { SourceConnection } from '../../../services/sync/follower/source-connection.ts';
import { ZongjiClient } from '../../../services/sync/follower/zongji-client.ts';
import { Streams1764000000000 } from '../../../services/sync/persistence/migrations/1764000000000-streams.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { dropSchema, newSchema, redisUrl } from './shop.ts';
import { Tables } from './tables.ts';

/** A follower that a test has started, with what it has told. */
export interface RunningFollower {
  readonly follower: Follower;
  readonly lines: () => Record<string, unknown>[];
  readonly metrics: Metrics;
  stop(): Promise<void>;
}

export interface FollowerOptions {
  env?: Readonly<Record<string, string>>;
  parts?: Partial<FollowerParts>;
}

/** A source with tables like those of the order service, a broker, and followers between the two. */
export class BinlogWorld implements AsyncDisposable {
  readonly source: Connection;
  readonly schema: string;
  readonly broker: TestBroker;
  readonly state: Tables;
  readonly #running = new Set<RunningFollower>();

  private constructor(parts: {
    source: Connection;
    schema: string;
    broker: TestBroker;
    state: Tables;
  }) {
    this.source = parts.source;
    this.schema = parts.schema;
    this.broker = parts.broker;
    this.state = parts.state;
  }

  static async create(): Promise<BinlogWorld> {
    const schema = newSchema();
    const source = await createConnection(process.env['DATABASE_URL'] ?? '');
    await source.query(`CREATE DATABASE ${schema} CHARACTER SET utf8mb4`);
    await source.query(`USE ${schema}`);
    await createTables(source);
    const broker = await testBroker();
    await broker.createTopic(ORDER_BINLOG, 4);
    const state = await Tables.create([], [Streams1764000000000]);
    return new BinlogWorld({ source, schema, broker, state });
  }

  /** Starts a follower; the next one goes on where the last one came to. */
  async start({ env = {}, parts = {} }: FollowerOptions = {}): Promise<RunningFollower> {
    const reader = new EnvReader({
      DATABASE_URL: process.env['DATABASE_URL'],
      DATABASE_SCHEMA: this.state.schema,
      REDIS_URL: redisUrl(),
      NAMESRV_ADDR: this.broker.namesrvAddr,
      SYNC_SOURCE_SCHEMA: this.schema,
      SYNC_CHECKPOINT_MS: '50',
      SYNC_HEARTBEAT_MS: '200',
      SYNC_MIN_BACKOFF_MS: '20',
      SYNC_MAX_BACKOFF_MS: '200',
      ...env,
    });
    const service = readMessagingServiceSettings(reader, 'sync');
    const settings = readFollowerSettings(reader, service.database);
    reader.finish();
    const { namesrvAddr } = this.broker;
    const { log, lines } = recordingLog();
    const producer = new Producer({ namesrvAddr, producerGroup: 'sync', sendTimeoutMs: 1_000 });
    const consumer = new LitePullConsumer({
      namesrvAddr,
      consumerGroup: 'sync-queue-ends',
      autoCommit: false,
    });
    const clock = new Clock();
    const metrics = new Metrics('sync');
    const { source, serverId, heartbeatMs } = settings;
    const follower = new Follower({
      stream: 'order-binlog',
      settings,
      lockName: this.state.schema,
      openSource: () => SourceConnection.open(source),
      newClient: () =>
        new ZongjiClient(source, { tables: [...settings.tables.keys()], serverId, heartbeatMs }),
      port: new BinlogQueues(producer, consumer),
      checkpoints: new Checkpoints(this.state.dataSource, clock),
      savedLinks: new SavedLinks(this.state.dataSource),
      steadyNow: () => performance.now(),
      pause,
      log,
      clock,
      metrics: new FollowerMetrics(metrics),
      ...parts,
    });
    const running: RunningFollower = {
      follower,
      lines,
      metrics,
      stop: async () => {
        this.#running.delete(running);
        await follower.onApplicationShutdown();
        await consumer.shutdown();
        await producer.shutdown();
      },
    };
    this.#running.add(running);
    await follower.onApplicationBootstrap();
    return running;
  }

  /** What the topic holds, queue by queue, each in its order. */
  async changesByQueue(): Promise<RowChange[][]> {
    const queues = new Map<number, { queueOffset: number; change: RowChange }[]>();
    for (const message of await this.broker.messages(ORDER_BINLOG)) {
      const queue = queues.get(message.queueId) ?? [];
      const { queueOffset } = message;
      queue.push({ queueOffset, change: parseRowChange(message.text()) });
      queues.set(message.queueId, queue);
    }
    return [...queues.values()].map((queue) =>
      queue.sort((a, b) => a.queueOffset - b.queueOffset).map(({ change }) => change),
    );
  }

  /** All changes in the order of the binlog. */
  async changes(): Promise<RowChange[]> {
    return (await this.changesByQueue())
      .flat()
      .sort((a, b) => comparePositions(a.position, b.position));
  }

  async insertOrder(orderNo: string, status = 'CREATED'): Promise<void> {
    await this.source.query(
      'INSERT INTO orders (order_no, user_id, status, total_minor, placed_at) VALUES (?, ?, ?, ?, ?)',
      [orderNo, 'user-1', status, 1_990, '2026-11-30 08:15:00.250'],
    );
  }

  async setStatus(orderNo: string, status: string): Promise<void> {
    await this.source.query('UPDATE orders SET status = ? WHERE order_no = ?', [status, orderNo]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) await running.stop();
    await this.source.end();
    await this.broker.close();
    await dropSchema(this.schema);
    await this.state[Symbol.asyncDispose]();
  }
}

async function createTables(source: Connection): Promise<void> {
  const key = 'CHARACTER SET ascii COLLATE ascii_bin NOT NULL';
  await source.query(`
    CREATE TABLE orders (
      order_no    VARCHAR(32) ${key} PRIMARY KEY,
      user_id     VARCHAR(64) NOT NULL,
      status      VARCHAR(32) ${key},
      total_minor BIGINT NOT NULL,
      placed_at   DATETIME(3) NOT NULL,
      note        TEXT NULL,
      step        INT NOT NULL DEFAULT 0
    ) ENGINE = InnoDB`);
  await source.query(`
    CREATE TABLE order_items (
      order_no VARCHAR(32) ${key}, line_no SMALLINT NOT NULL, sku VARCHAR(32) NOT NULL,
      PRIMARY KEY (order_no, line_no)
    ) ENGINE = InnoDB`);
  await source.query(`
    CREATE TABLE order_refunds (
      refund_no VARCHAR(32) ${key} PRIMARY KEY, order_no VARCHAR(32) ${key}
    ) ENGINE = InnoDB`);
  await source.query(`
    CREATE TABLE order_refund_items (
      refund_no VARCHAR(32) ${key}, sku VARCHAR(32) NOT NULL, quantity INT NOT NULL,
      PRIMARY KEY (refund_no, sku)
    ) ENGINE = InnoDB`);
}
