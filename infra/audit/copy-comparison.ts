import { setTimeout as delay } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { Finding } from './finding.ts';

/** What services/sync copies, unless told otherwise. */
export const copiedTables = ['orders', 'order_items', 'order_refunds', 'order_refund_items'];

/** Of rows that differ so many are listed: nobody reads more, and memory is bounded. */
const MAX_LISTED = 1_000;
const PAGE_ROW_COUNT = 2_000;
const RETRY_MS = 200;

export interface ComparedSide {
  /** Its own: a session on the server that has the schema. */
  connection: Connection;
  schema: string;
}

export interface CopyComparison {
  /** Rows of the source that were compared. */
  rows: number;
  findings: readonly Finding[];
}

/** Values as SQL writes them: `'text'`, `5`, `NULL`. */
type Row = Readonly<Record<string, string>>;

interface Table {
  name: string;
  /** The source's. The copy may have more: what the source has dropped stays there. */
  columns: readonly string[];
  key: readonly string[];
}

/** Rows whose first column of the key is in this half-open range `(from, to]`; undefined: there is no end there. */
interface Page {
  from: unknown;
  to: unknown;
}

/**
 * Compares the copy with its source, row by row: checksums of pages of rows first, and where they differ, the rows themselves.
 *
 * The copy is behind by as much as is under way. A page that differs is therefore compared again until it is equal or
 * `graceMs` have passed without; of a source at rest a difference is a fault, of one that is written to all the time it
 * may be a delay longer than that.
 *
 * Findings: `lost` for a row the copy has not got, `duplicated` for one the source has not got, `wrong` for one with other
 *           values, whose columns are named. About: the order's number, else the key.
 */
export async function compareCopy(
  source: ComparedSide,
  copy: ComparedSide,
  { tables = copiedTables, graceMs }: { tables?: readonly string[]; graceMs: number },
): Promise<CopyComparison> {
  const deadlineMs = performance.now() + graceMs;
  const findings: Finding[] = [];
  let rows = 0;
  for (const { connection } of [source, copy]) {
    await connection.query("SET SESSION time_zone = '+00:00'");
  }
  for (const name of tables) {
    const table = await tableOf(source, name);
    if (table === undefined)
      throw new Error(`${source.schema}.${name} is not there to be compared`);
    for await (const page of pagesOf(source, table)) {
      const { count, found } = await comparePage(source, copy, table, page, deadlineMs);
      rows += count;
      findings.push(...found.slice(0, MAX_LISTED - findings.length));
    }
  }
  return { rows, findings };
}

async function comparePage(
  source: ComparedSide,
  copy: ComparedSide,
  table: Table,
  page: Page,
  deadlineMs: number,
): Promise<{ count: number; found: Finding[] }> {
  for (;;) {
    const isLast = performance.now() >= deadlineMs;
    const [inSource, inCopy] = await Promise.all([
      sumOf(source, table, page, 'TRUE'),
      sumOfCopy(copy, table, page),
    ]);
    if (inSource.sum === inCopy.sum) return { count: inSource.count, found: [] };
    if (isLast) {
      return { count: inSource.count, found: await differencesIn(source, copy, table, page) };
    }
    await delay(RETRY_MS);
  }
}

/** Undefined when there is no such table. */
async function tableOf(
  { connection, schema }: ComparedSide,
  name: string,
): Promise<Table | undefined> {
  const [columns] = await connection.query<RowDataPacket[]>(
    `SELECT column_name AS name FROM information_schema.columns
      WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
    [schema, name],
  );
  const [key] = await connection.query<RowDataPacket[]>(
    `SELECT column_name AS name FROM information_schema.statistics
      WHERE table_schema = ? AND table_name = ? AND index_name = 'PRIMARY' ORDER BY seq_in_index`,
    [schema, name],
  );
  if (columns.length === 0) return undefined;
  const namesOf = (rows: RowDataPacket[]): string[] => rows.map((row) => String(row['name']));
  return { name, columns: namesOf(columns), key: namesOf(key) };
}

/** They leave nothing out: the first begins before every row, the last ends behind every row. */
async function* pagesOf(side: ComparedSide, table: Table): AsyncGenerator<Page> {
  const first = quoted(table.key[0] ?? '');
  let from: unknown;
  for (;;) {
    const behind = from === undefined ? '' : `WHERE ${first} > ?`;
    const [rows] = await side.connection.query<RowDataPacket[]>(
      `SELECT ${first} AS edge FROM ${tableName(side, table)} ${behind} ORDER BY ${first} LIMIT 1 OFFSET ?`,
      [...(from === undefined ? [] : [from]), PAGE_ROW_COUNT - 1],
    );
    const to: unknown = rows[0]?.['edge'];
    yield { from, to };
    if (to === undefined) return;
    from = to;
  }
}

/** XOR of 64 bits of each row's MD5, and how many there are: the order of rows and the server's plan do not matter. */
async function sumOf(
  side: ComparedSide,
  table: Table,
  page: Page,
  condition: string,
): Promise<{ count: number; sum: string }> {
  const { sql, values } = within(table, page);
  const columns = table.columns.map((column) => `QUOTE(${quoted(column)})`).join(', ');
  const [rows] = await side.connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS count,
            BIT_XOR(CAST(CONV(LEFT(MD5(CONCAT_WS(',', ${columns})), 16), 16, 10) AS UNSIGNED)) AS sum
       FROM ${tableName(side, table)} WHERE ${sql} AND ${condition}`,
    values,
  );
  const count = Number(rows[0]?.['count']);
  return { count, sum: `${count} ${String(rows[0]?.['sum'])}` };
}

/** A table or a column that the copy has not got yet makes it differ: the rows will tell. Of the source it is an error. */
async function sumOfCopy(
  copy: ComparedSide,
  table: Table,
  page: Page,
): Promise<{ count: number; sum: string }> {
  try {
    return await sumOf(copy, table, page, '_deleted = 0');
  } catch (error) {
    if (isMissing(error)) return { count: 0, sum: 'incomplete' };
    throw error;
  }
}

async function differencesIn(
  source: ComparedSide,
  copy: ComparedSide,
  table: Table,
  page: Page,
): Promise<Finding[]> {
  const wanted = await rowsIn(source, table, page, 'TRUE');
  const found = await rowsIn(copy, table, page, '_deleted = 0');
  const findings: Finding[] = [];
  for (const key of new Set([...wanted.keys(), ...found.keys()])) {
    const inSource = wanted.get(key);
    const inCopy = found.get(key);
    const about = bare((inSource ?? inCopy)?.['order_no']) ?? key;
    const what = `${table.name} ${key}`;
    if (inCopy === undefined) {
      findings.push({ orderNo: about, kind: 'lost', what: `${what}, which the copy has not got` });
    } else if (inSource === undefined) {
      findings.push({ orderNo: about, kind: 'duplicated', what: `${what}, in the copy alone` });
    } else {
      const columns = table.columns.filter((column) => inSource[column] !== inCopy[column]);
      if (columns.length === 0) continue;
      const values = columns.map(
        (column) =>
          `${column} is ${inCopy[column] ?? 'not there'}, it should be ${inSource[column]}`,
      );
      findings.push({
        orderNo: about,
        kind: 'wrong',
        what: `copy of ${what}: ${values.join('; ')}`,
      });
    }
  }
  return findings;
}

/** Each row by its key. */
async function rowsIn(
  side: ComparedSide,
  table: Table,
  page: Page,
  condition: string,
): Promise<Map<string, Row>> {
  const { sql, values } = within(table, page);
  const own = await tableOf(side, table.name);
  if (own === undefined) return new Map();
  const columns = table.columns.filter((column) => own.columns.includes(column));
  const [rows] = await side.connection.query<RowDataPacket[]>(
    `SELECT ${columns.map((column) => `QUOTE(${quoted(column)}) AS ${quoted(column)}`).join(', ')}
       FROM ${tableName(side, table)} WHERE ${sql} AND ${condition}`,
    values,
  );
  return new Map(rows.map((row) => [table.key.map((column) => bare(row[column])).join(' '), row]));
}

/** Without the quotes that SQL writes around it. */
function bare(value: string | undefined): string | undefined {
  return value?.replace(/^'(.*)'$/s, '$1');
}

function within(table: Table, { from, to }: Page): { sql: string; values: unknown[] } {
  const first = quoted(table.key[0] ?? '');
  const ends = [
    { sql: `${first} > ?`, value: from },
    { sql: `${first} <= ?`, value: to },
  ].filter(({ value }) => value !== undefined);
  return {
    sql: ['TRUE', ...ends.map(({ sql }) => sql)].join(' AND '),
    values: ends.map(({ value }) => value),
  };
}

function tableName({ schema }: ComparedSide, { name }: Table): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === 'ER_BAD_FIELD_ERROR' || error.code === 'ER_NO_SUCH_TABLE';
}
