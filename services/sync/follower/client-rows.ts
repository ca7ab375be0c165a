import type { BinlogRow, ColumnValue } from '../../contracts/order-binlog.ts';
import type { ClientRowsEvent, RawRow, TableColumns } from './binlog-client.ts';
import type { RowsEvent } from './binlog-events.ts';
import { columnValue, type Column } from './column-values.ts';

/**
 * The rows of an event with all their columns, in words of ORDER_BINLOG.
 *
 * Errors: RangeError when a row lacks columns (`binlog_row_image` of the session that wrote it was not FULL), when the event
 *         does not fit the table that it names, or a value cannot be told.
 */
export function rowsOf(
  op: RowsEvent['op'],
  event: ClientRowsEvent,
): Pick<RowsEvent, 'schema' | 'table' | 'rows'> {
  const table = event.tableMap[event.tableId];
  if (table === undefined) throw new RangeError(`rows of table ${event.tableId}, which is unknown`);
  const { parentSchema, tableName } = table;
  const name = `${parentSchema}.${tableName}`;
  const columns = columnsOf(table);
  if (columns.length !== event.numberOfColumns) {
    throw new RangeError(
      `rows of ${name} with ${event.numberOfColumns} columns, the table has ${columns.length}`,
    );
  }
  for (const bitmap of [event.columns_present_bitmap, event.columns_present_bitmap2]) {
    const count = bitmap === undefined ? columns.length : presentCount(bitmap, columns.length);
    if (count !== columns.length) {
      throw new RangeError(
        `rows of ${name} with ${count} of ${columns.length} columns, binlog_row_image must be FULL in every session`,
      );
    }
  }
  const rows = event.rows.map((row) => {
    if (op === 'INSERT') return { after: told(row, columns) };
    if (op === 'DELETE') return { before: told(row, columns) };
    const { before, after } = row as { before: RawRow; after: RawRow };
    return { before: told(before, columns), after: told(after, columns) };
  });
  return { schema: parentSchema, table: tableName, rows };
}

function columnsOf({ columnSchemas }: TableColumns): Column[] {
  return columnSchemas.map(({ COLUMN_NAME, COLUMN_TYPE }) => ({
    name: COLUMN_NAME,
    type: COLUMN_TYPE.toLowerCase(),
  }));
}

function presentCount(bitmap: Buffer, columnCount: number): number {
  let count = 0;
  for (let index = 0; index < columnCount; index++) {
    if (((bitmap[index >> 3] ?? 0) >> (index & 7)) & 1) count++;
  }
  return count;
}

function told(row: RawRow, columns: readonly Column[]): BinlogRow {
  const values: Record<string, ColumnValue> = {};
  for (const column of columns) values[column.name] = columnValue(column, row[column.name]);
  return values;
}
