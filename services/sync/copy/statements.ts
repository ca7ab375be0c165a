import type { Connection, PoolConnection, RowDataPacket } from 'mysql2/promise';
import { isDatabaseUnavailable } from '../../common/database-errors.ts';

/** A row as it comes, with `valuesAsTheyAre`. */
export type Row = Readonly<Record<string, string | number | Buffer | null>>;

/** Runs statements, each bounded in time. Errors: the database's. */
export interface Statements {
  query(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** Options of a connection whose values come as the database writes them: no digit and no time zone is lost on the way. */
export const valuesAsTheyAre = {
  connectTimeout: 5_000,
  charset: 'utf8mb4',
  dateStrings: true,
  // For times that are sent: those that come are texts.
  timezone: 'Z',
  supportBigNumbers: true,
  bigNumberStrings: true,
} as const;

/** READ COMMITTED: with it, an insert locks no gap in which another one inserts. */
export const SESSION_SETTINGS =
  "SET SESSION time_zone = '+00:00', tx_isolation = 'READ-COMMITTED', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'";

export function statementsOf(
  connection: Pick<Connection | PoolConnection, 'query'>,
  timeoutMs: number,
): Statements {
  return {
    async query(sql, values = []) {
      const [rows] = await connection.query<(Row & RowDataPacket)[]>({
        sql,
        values: [...values],
        timeout: timeoutMs,
      });
      return rows;
    },
  };
}

/** It cannot be reached, or it has not answered in time; the same statement may succeed later. */
export function isAway(error: unknown): boolean {
  if (isDatabaseUnavailable(error)) return true;
  return error instanceof Error && 'code' in error && error.code === 'PROTOCOL_SEQUENCE_TIMEOUT';
}

const gone: ReadonlySet<unknown> = new Set([
  'ER_BAD_DB_ERROR',
  'ER_NO_DB_ERROR',
  'ER_NO_SUCH_TABLE',
]);

/** The schema or a table is not there: somebody has dropped it, if it ever was. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && gone.has(error.code);
}

/** A name as SQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
