import type { Log } from '../../common/log.ts';
import type { CopyDatabase } from './copy-database.ts';
import { VERSION_LENGTH } from './row-version.ts';
import type { SourceSchema } from './source-schema.ts';
import { quoted } from './statements.ts';
import { definitionOf, type ColumnDefinition, type TableDefinition } from './table-definition.ts';

export interface CopyTable {
  readonly name: string;
  /** Columns of the primary key, in its order. */
  readonly key: readonly string[];
  /** Type of each column, as DDL writes it; without the two that guard the row. */
  readonly columns: ReadonlyMap<string, string>;
}

/** What guards a row: as of which binlog position it is so (`versionOf`), and whether it is gone. */
export const VERSION_COLUMN = '_version';
export const DELETED_COLUMN = '_deleted';

/** Columns the report looks for rows by; the source has indexes of its own for what the shop asks. */
const indexes: Readonly<Record<string, readonly string[]>> = {
  orders: ['placed_at', 'paid_at', 'sale_id'],
  order_refunds: ['completed_at'],
};

/**
 * The tables of the copy: the source's columns, all but the key nullable, without its constraints, and two that guard the row.
 *
 * They follow the source by themselves. A column comes when the first row has it; one that the source has dropped stays,
 * and nobody writes it any more. What rows have in a new column that were there before it is nowhere in the binlog. Where
 * the source's definition tells it (a default), the copy has it, too; where it does not (a generated column, a renamed
 * one), `onUnknownValues` is told: only a snapshot brings them. Of a column that is made anew under its old name, or whose
 * values an ALTER converts, nobody hears at all: there an operator asks for the snapshot.
 */
export class CopyTables {
  readonly #copy: CopyDatabase;
  readonly #source: SourceSchema;
  readonly #onUnknownValues: (reason: string) => Promise<void>;
  readonly #log: Log;
  readonly #known = new Map<string, Promise<CopyTable>>();

  constructor(parts: {
    copy: CopyDatabase;
    source: SourceSchema;
    onUnknownValues: (reason: string) => Promise<void>;
    log: Log;
  }) {
    this.#copy = parts.copy;
    this.#source = parts.source;
    this.#onUnknownValues = parts.onUnknownValues;
    this.#log = parts.log;
  }

  /** As the copy has it; made like the source's when there is none. */
  table(name: string): Promise<CopyTable> {
    return this.#settled(name, this.#known.get(name) ?? this.#found(name));
  }

  /** Looks anew what there is: somebody else has dropped or altered it. */
  forget(): void {
    this.#known.clear();
  }

  /** The same, with a column for each of these, the columns of one row. */
  async with(name: string, columns: readonly string[]): Promise<CopyTable> {
    const table = await this.table(name);
    if (columns.every((column) => table.columns.has(column))) return table;
    return this.#settled(name, this.#extended(table, columns));
  }

  /** When the copy refuses a value: the source's columns may have become wider. False when they are as the copy's are. */
  async widen(name: string): Promise<boolean> {
    const [table, { columns }] = await Promise.all([this.table(name), this.#source.table(name)]);
    const changed = columns.filter(
      ({ name: column, type }) => table.columns.has(column) && table.columns.get(column) !== type,
    );
    for (const column of changed) {
      const clause = table.key.includes(column.name) ? `${column.type} NOT NULL` : clauseOf(column);
      await this.#copy.query(
        `ALTER TABLE ${quoted(name)} MODIFY COLUMN ${quoted(column.name)} ${clause}`,
      );
      this.#log.info('column of the copy follows the source', {
        table: name,
        column: column.name,
        from: table.columns.get(column.name),
        to: column.type,
      });
    }
    if (changed.length > 0) await this.#settled(name, this.#read(name));
    return changed.length > 0;
  }

  /** One at a time for a table: others wait for its outcome, and a failure is not remembered. */
  async #settled(name: string, making: Promise<CopyTable>): Promise<CopyTable> {
    this.#known.set(name, making);
    try {
      return await making;
    } catch (error) {
      if (this.#known.get(name) === making) this.#known.delete(name);
      throw error;
    }
  }

  async #found(name: string): Promise<CopyTable> {
    const table = await this.#read(name);
    if (table.key.length > 0) return table;
    const source = await this.#source.table(name);
    await this.#copy.query(creationOf(source));
    this.#log.info('table of the copy made', { table: name });
    return this.#read(name);
  }

  async #extended(table: CopyTable, columns: readonly string[]): Promise<CopyTable> {
    const source = await this.#source.table(table.name);
    const byName = new Map(source.columns.map((column) => [column.name, column]));
    const missing = columns.filter((column) => !table.columns.has(column));
    const unknown: string[] = [];
    for (const name of missing) {
      // Gone from the source since: of its type nothing is known but that its values are told as text.
      const column = byName.get(name) ?? { name, type: 'LONGTEXT', valueOfOldRows: 'NULL' };
      const indexClause = (indexes[table.name] ?? []).includes(name)
        ? `, ADD KEY IF NOT EXISTS ${quoted(`by_${name}`)} (${quoted(name)})`
        : '';
      await this.#copy.query(
        `ALTER TABLE ${quoted(table.name)} ADD COLUMN IF NOT EXISTS ${quoted(name)} ${clauseOf(column)}${indexClause}`,
      );
      this.#log.info('column of the copy added', {
        table: table.name,
        column: name,
        type: column.type,
      });
      if (column.valueOfOldRows === undefined) unknown.push(name);
    }
    // Of a column that has another name now, the rows that nobody has touched since have the value under the old one.
    const isRenaming = [...table.columns.keys()].some((name) => !columns.includes(name));
    if (isRenaming || unknown.length > 0) {
      await this.#onUnknownValues(
        `${table.name} has new columns (${missing.join(', ')}), whose values in old rows are not known`,
      );
    }
    return this.#read(table.name);
  }

  async #read(name: string): Promise<CopyTable> {
    const { key, columns } = await definitionOf(this.#copy, this.#copy.schema, name);
    const guards = [VERSION_COLUMN, DELETED_COLUMN];
    const copied = columns.filter((column) => !guards.includes(column.name));
    return { name, key, columns: new Map(copied.map(({ name: column, type }) => [column, type])) };
  }
}

function creationOf({ name, columns, key }: TableDefinition): string {
  const quotedKey = key.map(quoted).join(', ');
  const indexed = (indexes[name] ?? []).filter((index) =>
    columns.some((column) => column.name === index),
  );
  const parts = [
    ...columns.map(
      (column) =>
        `${quoted(column.name)} ${key.includes(column.name) ? `${column.type} NOT NULL` : clauseOf(column)}`,
    ),
    `${VERSION_COLUMN} CHAR(${VERSION_LENGTH}) CHARACTER SET ascii COLLATE ascii_bin NOT NULL`,
    `${DELETED_COLUMN} BOOLEAN NOT NULL`,
    `PRIMARY KEY (${quotedKey})`,
    ...indexed.map((column) => `KEY ${quoted(`by_${column}`)} (${quoted(column)})`),
  ];
  return `CREATE TABLE IF NOT EXISTS ${quoted(name)} (${parts.join(', ')}) ENGINE = InnoDB`;
}

/** Rows of before the column have its default in the copy, too, and so has one of them that is told of only later. */
function clauseOf({ type, valueOfOldRows = 'NULL' }: ColumnDefinition): string {
  return `${type} NULL DEFAULT ${valueOfOldRows}`;
}
