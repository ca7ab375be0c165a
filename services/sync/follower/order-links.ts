import type { DataSource } from 'typeorm';
import type { BinlogRow } from '../../contracts/order-binlog.ts';
import type { FollowedTable } from './followed-tables.ts';
import type { RowsEvent } from './binlog-events.ts';

/** Remembered at most; the oldest are then looked up again. */
const MAX_REMEMBERED_COUNT = 100_000;

/** Where an order number is found that the binlog has not told of. Undefined when nobody knows it. */
export interface LinkSource {
  find(table: string, link: string): Promise<string | undefined>;
}

/**
 * Knows of each row which order it belongs to; also of rows that only name something that belongs to an order, as the items
 * of a refund do.
 *
 * It must say the same of a row whenever it is read again: the answer decides the queue, and what is in one queue already is
 * looked for in no other. So what the binlog has told is written down with each checkpoint, and stays known when the row
 * that told it has been deleted.
 */
export class OrderLinks {
  readonly #tables: ReadonlyMap<string, FollowedTable>;
  readonly #sources: readonly LinkSource[];
  /** By table that has both, then link. */
  readonly #known = new Map<string, string>();
  #unsaved = new Map<string, { table: string; link: string; orderNo: string }>();

  /** `sources`: asked one after the other. */
  constructor(tables: ReadonlyMap<string, FollowedTable>, sources: readonly LinkSource[]) {
    this.#tables = tables;
    this.#sources = sources;
  }

  /** Reads off an event of a table that others lead to what it says of them. */
  learn(event: Pick<RowsEvent, 'table' | 'rows'>): void {
    const table = this.#tables.get(event.table);
    if (table === undefined) return;
    for (const { keyColumn, via } of this.#tables.values()) {
      if (via !== event.table) continue;
      for (const { before, after } of event.rows) {
        for (const row of [before, after]) {
          const link = row && textOf(row, keyColumn);
          const orderNo = row && textOf(row, table.keyColumn);
          if (link !== undefined && orderNo !== undefined) this.#remember(via, link, orderNo);
        }
      }
    }
  }

  /** Undefined when nobody knows it. Errors: those of the sources. */
  async orderNoOf(table: FollowedTable, row: BinlogRow): Promise<string | undefined> {
    const key = textOf(row, table.keyColumn);
    const { via } = table;
    if (key === undefined || via === undefined) return key;
    const known = this.#known.get(nameOf(via, key));
    if (known !== undefined) return known;
    for (const source of this.#sources) {
      const orderNo = await source.find(via, key);
      if (orderNo === undefined) continue;
      this.#remember(via, key, orderNo);
      return orderNo;
    }
    return undefined;
  }

  /** Writes down what has been learnt since the last time. What could not be written is written the next time. */
  async saveTo(saved: Pick<SavedLinks, 'save'>): Promise<void> {
    const unsaved = this.#unsaved;
    this.#unsaved = new Map();
    try {
      await saved.save([...unsaved.values()]);
    } catch (error) {
      this.#unsaved = new Map([...unsaved, ...this.#unsaved]);
      throw error;
    }
  }

  #remember(table: string, link: string, orderNo: string): void {
    const name = nameOf(table, link);
    if (this.#known.get(name) === orderNo) return;
    this.#known.set(name, orderNo);
    this.#unsaved.set(name, { table, link, orderNo });
    if (this.#known.size <= MAX_REMEMBERED_COUNT) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

/** Keeps links in the service's own database. Errors: the database's. */
export class SavedLinks implements LinkSource {
  readonly #dataSource: DataSource;

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  async find(table: string, link: string): Promise<string | undefined> {
    const [row]: { orderNo: string }[] = await this.#dataSource.query(
      'SELECT order_no AS orderNo FROM order_links WHERE table_name = ? AND link = ?',
      [table, link],
    );
    return row?.orderNo;
  }

  async save(links: readonly { table: string; link: string; orderNo: string }[]): Promise<void> {
    if (links.length === 0) return;
    await this.#dataSource.query(
      'INSERT IGNORE INTO order_links (table_name, link, order_no) VALUES ?',
      [links.map(({ table, link, orderNo }) => [table, link, orderNo])],
    );
  }
}

function nameOf(table: string, link: string): string {
  return `${table} ${link}`;
}

function textOf(row: BinlogRow, column: string): string | undefined {
  const value = row[column];
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' ? String(value) : undefined;
}
