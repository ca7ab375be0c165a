import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { Clock } from '../../../services/common/clock.ts';
import type { BinlogRow, RowChange } from '../../../services/contracts/order-binlog.ts';
import { ApplyChanges } from '../../../services/sync/copy/apply-changes.ts';
import { CopyDatabase } from '../../../services/sync/copy/copy-database.ts';
import { CopyFloor } from '../../../services/sync/copy/copy-floor.ts';
import { CopyTables } from '../../../services/sync/copy/copy-tables.ts';
import { CopyWriter } from '../../../services/sync/copy/copy-writer.ts';
import { SourceSchema } from '../../../services/sync/copy/source-schema.ts';
import type { DatabaseAddress } from '../../../services/sync/database-address.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { dropSchema, newSchema } from './shop.ts';

/** A source with one small table, a copy, and what writes into it; without a broker. */
export class CopyWorld implements AsyncDisposable {
  readonly source: Connection;
  readonly sourceAddress: DatabaseAddress;
  readonly copy: CopyDatabase;
  readonly tables: CopyTables;
  readonly writer: CopyWriter;
  readonly floor: CopyFloor;
  readonly applyChanges: ApplyChanges;
  /** Why a snapshot was wanted. */
  readonly wanted: string[] = [];

  private constructor(source: Connection, sourceAddress: DatabaseAddress, copySchema: string) {
    this.source = source;
    this.sourceAddress = sourceAddress;
    const address = { ...sourceAddress, schema: copySchema };
    this.copy = new CopyDatabase({ address, poolSize: 4, statementTimeoutMs: 10_000 });
    const { log } = recordingLog();
    this.tables = new CopyTables({
      copy: this.copy,
      source: new SourceSchema(sourceAddress),
      onUnknownValues: (reason) => {
        this.wanted.push(reason);
        return Promise.resolve();
      },
      log,
    });
    this.writer = new CopyWriter(this.copy, this.tables);
    this.floor = new CopyFloor(this.copy);
    const { tables, writer, floor } = this;
    this.applyChanges = new ApplyChanges({ tables, writer, floor, clock: new Clock() });
  }

  static async create(): Promise<CopyWorld> {
    const url = new URL(process.env['DATABASE_URL'] ?? '');
    const schema = newSchema();
    const source = await createConnection({ uri: url.href, timezone: 'Z' });
    await source.query(`CREATE DATABASE ${schema} CHARACTER SET utf8mb4`);
    await source.query(`USE ${schema}`);
    await source.query(`
      CREATE TABLE orders (
        order_no  VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        status    VARCHAR(8) NOT NULL,
        placed_at DATETIME(3) NULL
      ) ENGINE = InnoDB`);
    const address = {
      host: url.hostname,
      port: Number(url.port || 3306),
      user: decodeURIComponent(url.username) || 'root',
      password: decodeURIComponent(url.password),
      schema,
    };
    return new CopyWorld(source, address, newSchema());
  }

  /** Applies one change of order 1, at this place of the binlog. */
  async apply(offset: number, change: Change): Promise<void> {
    await this.applyChanges.execute('queue-0', [changeAt(offset, change)]);
  }

  /** What a reader of the copy sees. */
  async rows(): Promise<Record<string, unknown>[]> {
    const rows = await this.copy.query('SELECT * FROM orders WHERE _deleted = 0 ORDER BY order_no');
    return rows.map(({ _version, _deleted, ...row }) => row);
  }

  async sourceRows(statement: string): Promise<RowDataPacket[]> {
    const [rows] = await this.source.query<RowDataPacket[]>(statement);
    return rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.copy.onApplicationShutdown();
    await dropSchema(this.copy.schema);
    await this.source.end();
    await dropSchema(this.sourceAddress.schema);
  }
}

export interface Change {
  file?: string;
  row?: number;
  before?: BinlogRow;
  after?: BinlogRow;
}

export function changeAt(offset: number, change: Change): RowChange {
  const { file = 'binlog.000001', row = 1, before, after } = change;
  const facts = {
    schema: 'anywhere',
    table: 'orders',
    orderNo: JSON.stringify((after ?? before)?.['order_no']),
    position: { file, offset, row },
    committedAt: '2026-11-30T08:15:00Z',
  };
  if (after === undefined) return { ...facts, op: 'DELETE', before: before ?? {} };
  return before === undefined
    ? { ...facts, op: 'INSERT', after }
    : { ...facts, op: 'UPDATE', before, after };
}
