import { createConnection, type Connection } from 'mysql2/promise';
import { DomainError } from '../../common/errors.ts';
import type { BinlogPosition, BinlogRow, ColumnValue } from '../../contracts/order-binlog.ts';
import {
  isAway,
  quoted,
  statementsOf,
  valuesAsTheyAre,
  type Row,
  type Statements,
} from '../copy/statements.ts';
import { definitionOf } from '../copy/table-definition.ts';
import type { DatabaseAddress } from '../database-address.ts';

/** Longer than any page should take; a source that hangs is away. */
const TIMEOUT_MS = 60_000;

/**
 * The source as it was at one moment, and where in its binlog that moment is: changes before `position` are in it, later
 * ones are not. MariaDB takes both together. No row is locked; a table that has been read cannot be altered before the end.
 * It lasts as long as its connection.
 *
 * Errors: SOURCE.UNAVAILABLE when the source cannot be reached, or the connection is lost; SOURCE.NO_BINLOG.
 */
export class SourceSnapshot implements AsyncDisposable {
  readonly position: BinlogPosition;
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #schema: string;

  private constructor(connection: Connection, schema: string, position: BinlogPosition) {
    this.#connection = connection;
    this.#statements = statementsOf(connection, TIMEOUT_MS);
    this.#schema = schema;
    this.position = position;
  }

  static take({ schema, ...server }: DatabaseAddress): Promise<SourceSnapshot> {
    return reached(async () => {
      const connection = await createConnection({ ...server, ...valuesAsTheyAre });
      // The statement that runs fails with the connection, and tells.
      connection.on('error', () => undefined);
      try {
        const position = await begin(statementsOf(connection, TIMEOUT_MS));
        return new SourceSnapshot(connection, schema, position);
      } catch (error) {
        connection.destroy();
        throw error;
      }
    });
  }

  /** All rows of a table in the order of its key, up to `pageRowCount` at a time. */
  async *pages(table: string, pageRowCount: number): AsyncGenerator<BinlogRow[]> {
    const { columns, key } = await reached(() =>
      definitionOf(this.#statements, this.#schema, table),
    );
    if (key.length === 0) {
      throw new DomainError(
        'SOURCE.TABLE',
        'conflict',
        `${this.#schema}.${table} has no primary key`,
      );
    }
    const from = `${quoted(this.#schema)}.${quoted(table)}`;
    const order = key.map(quoted).join(', ');
    let last: Row | undefined;
    for (;;) {
      const { sql, values } = last === undefined ? { sql: 'TRUE', values: [] } : behind(key, last);
      const rows = await reached(() =>
        this.#statements.query(
          `SELECT ${columns.map(({ name }) => quoted(name)).join(', ')} FROM ${from} WHERE ${sql} ORDER BY ${order} LIMIT ?`,
          [...values, pageRowCount],
        ),
      );
      if (rows.length > 0) yield rows.map(asTold);
      if (rows.length < pageRowCount) return;
      last = rows.at(-1);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#connection.destroy();
    return Promise.resolve();
  }
}

async function begin(statements: Statements): Promise<BinlogPosition> {
  await statements.query("SET SESSION time_zone = '+00:00'");
  // A copy that is slow must not have the source end the transaction between two pages.
  await statements.query(
    'SET SESSION idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0, wait_timeout = 86400',
  );
  await statements.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await statements.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
  const rows = await statements.query("SHOW STATUS LIKE 'binlog_snapshot_%'");
  const status = new Map(
    rows.map((row) => [String(row['Variable_name']).toLowerCase(), String(row['Value'])]),
  );
  const file = status.get('binlog_snapshot_file') ?? '';
  const offset = Number(status.get('binlog_snapshot_position'));
  if (file === '' || !Number.isSafeInteger(offset)) {
    const text = `the source writes no binlog (log_bin): binlog_snapshot_file is ${JSON.stringify(file)}`;
    throw new DomainError('SOURCE.NO_BINLOG', 'conflict', text);
  }
  return { file, offset, row: 0 };
}

/** Behind this row in the order of the key; written so that the key's index finds the place, which a comparison of tuples does not. */
function behind(key: readonly string[], row: Row): { sql: string; values: unknown[] } {
  const values: unknown[] = [];
  const cases = key.map((column, index) => {
    const before = key.slice(0, index);
    values.push(...before.map((name) => row[name]), row[column]);
    return [...before.map((name) => `${quoted(name)} = ?`), `${quoted(column)} > ?`].join(' AND ');
  });
  return { sql: cases.map((each) => `(${each})`).join(' OR '), values };
}

/** As a message would tell it. Times are as the copy takes them already. */
function asTold(row: Row): BinlogRow {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]): [string, ColumnValue] => [
      column,
      Buffer.isBuffer(value) ? { base64: value.toString('base64') } : (value as ColumnValue),
    ]),
  );
}

async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isAway(cause)) throw cause;
    const text = 'the source of the copy cannot answer just now';
    throw new DomainError('SOURCE.UNAVAILABLE', 'unavailable', text, { cause });
  }
}
