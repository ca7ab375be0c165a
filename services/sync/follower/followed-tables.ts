/** Which table is followed, and how the order is found that a row of it belongs to. */
export interface FollowedTable {
  readonly name: string;
  /** The column with the order number, or with that which leads to it by `via`. */
  readonly keyColumn: string;
  /** Another followed table, which has the same column and the order number. */
  readonly via?: string;
}

const entryPattern = /^([a-z]\w{0,63}):(?:([a-z]\w{0,63})[.])?([a-z]\w{0,63})$/;

/** The order service's. The items of a refund name the refund, and the refund names the order. */
export const DEFAULT_TABLES =
  'orders:order_no,order_items:order_no,order_refunds:order_no,order_refund_items:order_refunds.refund_no';

export const TABLES_PATTERN = /^[a-z]\w*:[\w.]+(,[a-z]\w*:[\w.]+)*$/;

/**
 * Reads `table:column` or `table:otherTable.column`, separated by commas.
 *
 * Returns problems instead of tables when an entry cannot be read, names a table twice, or leads to a table that does not
 * have the order number itself.
 */
export function parseFollowedTables(text: string): {
  tables: ReadonlyMap<string, FollowedTable>;
  problems: readonly string[];
} {
  const tables = new Map<string, FollowedTable>();
  const problems: string[] = [];
  for (const entry of text.split(',')) {
    const [, name, via, keyColumn] = entryPattern.exec(entry) ?? [];
    if (name === undefined || keyColumn === undefined) {
      problems.push(`${JSON.stringify(entry)} is neither table:column nor table:otherTable.column`);
    } else if (tables.has(name)) {
      problems.push(`table ${name} is named twice`);
    } else {
      tables.set(name, { name, keyColumn, ...(via === undefined ? {} : { via }) });
    }
  }
  for (const { name, via } of tables.values()) {
    if (via === undefined) continue;
    const other = tables.get(via);
    if (other === undefined) problems.push(`${name} leads to ${via}, which is not followed`);
    else if (other.via !== undefined) problems.push(`${name} leads to ${via}, which leads on`);
  }
  return { tables, problems };
}
