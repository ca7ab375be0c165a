import type { ColumnValue } from '../../contracts/order-binlog.ts';
import type { CopyDatabase } from './copy-database.ts';
import { DELETED_COLUMN, VERSION_COLUMN, type CopyTable, type CopyTables } from './copy-tables.ts';
import { newestOf, type RowState } from './row-state.ts';
import { isGone, quoted, type Statements } from './statements.ts';

/** One statement is longer with more, and hardly quicker. */
const ROWS_PER_STATEMENT = 500;

/**
 * Writes states of rows into the copy. Each row keeps the version it was written with, and takes only a newer one: however
 * often, and in whatever order a state comes, the newest stays. So a snapshot, redelivered messages and two processes of
 * the service may write at once.
 *
 * Errors: those of CopyDatabase and of SourceSchema.
 */
export class CopyWriter {
  readonly #copy: CopyDatabase;
  readonly #tables: CopyTables;

  constructor(copy: CopyDatabase, tables: CopyTables) {
    this.#copy = copy;
    this.#tables = tables;
  }

  /** All of it or nothing. `first` is the beginning of the same transaction, and its error the end of it. */
  async write(
    states: readonly RowState[],
    first: (statements: Statements) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    try {
      await this.#writeOnce(states, first);
    } catch (error) {
      if (isGone(error)) this.#tables.forget();
      if (!isRefusedValue(error) || !(await this.#widened(states))) throw error;
      await this.#writeOnce(states, first);
    }
  }

  async #writeOnce(
    states: readonly RowState[],
    first: (statements: Statements) => Promise<void>,
  ): Promise<void> {
    // DDL ends a transaction: tables and columns come before it.
    const upserts = await this.#upserts(states);
    await this.#copy.transaction(async (statements) => {
      await first(statements);
      for (const { sql, values } of upserts) await statements.query(sql, values);
    });
  }

  /** Tables one after the other in one order, and the rows of each in one order: two writers wait and do not deadlock. */
  async #upserts(states: readonly RowState[]): Promise<Upsert[]> {
    const upserts: Upsert[] = [];
    const byTable = grouped(states, ({ table }) => table);
    for (const name of [...byTable.keys()].sort()) {
      const { key } = await this.#tables.table(name);
      const newest = newestOf(byTable.get(name) ?? [], key);
      // Rows of before and after an ALTER have other columns, and share no statement.
      const byColumns = grouped(newest, ({ values }) => Object.keys(values).join(','));
      for (const rows of byColumns.values()) {
        const columns = Object.keys(rows[0]?.values ?? {});
        const table = await this.#tables.with(name, columns);
        for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) {
          upserts.push(upsertOf(table, columns, rows.slice(from, from + ROWS_PER_STATEMENT)));
        }
      }
    }
    return upserts;
  }

  async #widened(states: readonly RowState[]): Promise<boolean> {
    let isWidened = false;
    for (const table of new Set(states.map((state) => state.table))) {
      if (await this.#tables.widen(table)) isWidened = true;
    }
    return isWidened;
  }
}

function grouped<T>(all: readonly T[], groupOf: (each: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const group = groups.get(groupOf(each));
    if (group === undefined) groups.set(groupOf(each), [each]);
    else group.push(each);
  }
  return groups;
}

interface Upsert {
  sql: string;
  values: readonly unknown[];
}

function upsertOf(table: CopyTable, columns: readonly string[], rows: readonly RowState[]): Upsert {
  const isNewer = `VALUES(${VERSION_COLUMN}) > ${VERSION_COLUMN}`;
  const guarded = [...columns.filter((column) => !table.key.includes(column)), DELETED_COLUMN];
  // Each of these sees what the ones before it have set: the version comes last.
  const updates = [...guarded.map(quoted), VERSION_COLUMN].map(
    (column) => `${column} = IF(${isNewer}, VALUES(${column}), ${column})`,
  );
  const names = [...columns.map(quoted), DELETED_COLUMN, VERSION_COLUMN].join(', ');
  return {
    sql: `INSERT INTO ${quoted(table.name)} (${names}) VALUES ? ON DUPLICATE KEY UPDATE ${updates.join(', ')}`,
    values: [
      rows.map(({ values, isDeleted, version }) => [
        ...columns.map((column) => stored(values[column] ?? null, table.columns.get(column) ?? '')),
        isDeleted ? 1 : 0,
        version,
      ]),
    ],
  };
}

const time = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,6})?)Z$/;

/** A value of a message as a statement takes it. Times of the copy are in UTC. */
function stored(value: ColumnValue, type: string): unknown {
  if (value === null || typeof value === 'number') return value;
  if (typeof value === 'object') return Buffer.from(value.base64, 'base64');
  if (!/^(datetime|timestamp)/.test(type)) return value;
  const [, date, clock] = time.exec(value) ?? [];
  return date === undefined ? value : `${date} ${clock}`;
}

const refusals: ReadonlySet<unknown> = new Set([
  'ER_DATA_TOO_LONG',
  'ER_WARN_DATA_OUT_OF_RANGE',
  'ER_TRUNCATED_WRONG_VALUE',
  'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD',
  'WARN_DATA_TRUNCATED',
]);

/** A value does not fit its column. */
function isRefusedValue(error: unknown): boolean {
  return error instanceof Error && 'code' in error && refusals.has(error.code);
}
