/**
 * ORDER_BINLOG: every row that changes in the order database, as its binlog tells it. Key and sharding key: the order number.
 *
 * Order:  the changes of an order go into one queue, in the order of the binlog, each once. Of a message that a broker stored
 *         after its sender had given it up there may be a second copy: positions tell, they only grow within a queue.
 * Tags:   one per table. Properties, for SQL92 filters: `op`; `binlogFile`, `binlogPosition`, `rowIndex`; and of the row as
 *         it is after the change (before it, of a DELETE) `status`, `userId`, `saleId`, where there is such a value.
 * Body:   the change as JSON, UTF-8.
 */
import { fieldsOf, keyOf, poison, textOf, timeOf, typeOf, type Fields } from './message-body.ts';

export const ORDER_BINLOG = 'ORDER_BINLOG';

export const RowOp = { Insert: 'INSERT', Update: 'UPDATE', Delete: 'DELETE' } as const;
export type RowOp = (typeof RowOp)[keyof typeof RowOp];

/** Properties that say where a change is in the binlog: how the sender, after a restart, finds what a queue has already. */
export const PositionProperty = {
  file: 'binlogFile',
  offset: 'binlogPosition',
  row: 'rowIndex',
} as const;

/** Columns that are properties, too. */
export const columnProperties: Readonly<Record<string, string>> = {
  status: 'status',
  user_id: 'userId',
  sale_id: 'saleId',
};

/** Where a change is in the binlog of its server. */
export interface BinlogPosition {
  /** Name of the binlog file: `binlog.000012`. */
  readonly file: string;
  /** Where the event with the row begins in the file, in bytes. */
  readonly offset: number;
  /** Which change of its event it is, from 1. In 0 goes whatever a position between events stands for, a snapshot's for instance. */
  readonly row: number;
}

/** What came first is less: negative, 0 or positive as for a sort. */
export function comparePositions(a: BinlogPosition, b: BinlogPosition): number {
  return (
    binlogFileNumber(a.file) - binlogFileNumber(b.file) || a.offset - b.offset || a.row - b.row
  );
}

/** 12 of `binlog.000012`: servers count their files up. Errors: MESSAGE.POISON. */
export function binlogFileNumber(file: string): number {
  const digits = /\.(\d{1,10})$/.exec(file)?.[1];
  if (digits === undefined) throw poison(`position.file ${JSON.stringify(file)} has no number`);
  return Number(digits);
}

/**
 * A value of a column. Numbers are those of TINYINT to INT, FLOAT, DOUBLE and YEAR. BIGINT and DECIMAL are text, which loses
 * no digit. DATETIME and TIMESTAMP are ISO 8601 in UTC with as many digits as the column has: `2026-11-30T08:15:00.250Z`;
 * DATE and TIME are as MariaDB writes them. Bytes that are no text come as base64.
 */
export type ColumnValue = string | number | null | { readonly base64: string };

/** A row by the names its columns had when it changed. */
export type BinlogRow = Readonly<Record<string, ColumnValue>>;

interface ChangeFacts {
  readonly schema: string;
  readonly table: string;
  readonly orderNo: string;
  readonly position: BinlogPosition;
  /** When the statement ran, as the binlog tells it: ISO 8601 in UTC, whole seconds. */
  readonly committedAt: string;
}

export type RowChange = ChangeFacts &
  (
    | { readonly op: 'INSERT'; readonly after: BinlogRow }
    | { readonly op: 'UPDATE'; readonly before: BinlogRow; readonly after: BinlogRow }
    | { readonly op: 'DELETE'; readonly before: BinlogRow }
  );

/** The row as it is after the change; before it, when nothing is left of it. */
export function rowOf(change: RowChange): BinlogRow {
  return change.op === 'DELETE' ? change.before : change.after;
}

/**
 * Reads a message body that claims to be a change of a row. Unknown extra fields are let pass: a newer sender may add some.
 *
 * Errors: MESSAGE.POISON naming what is wrong, without repeating the payload.
 */
export function parseRowChange(body: string): RowChange {
  const fields = fieldsOf(body);
  const op = typeOf(fields, Object.values(RowOp), 'op');
  const facts: ChangeFacts = {
    schema: textOf(fields, 'schema'),
    table: textOf(fields, 'table'),
    orderNo: keyOf(fields, 'orderNo'),
    position: positionOf(fields),
    committedAt: timeOf(fields, 'committedAt'),
  };
  switch (op) {
    case 'INSERT':
      return { ...facts, op, after: rowFieldOf(fields, 'after') };
    case 'UPDATE':
      return {
        ...facts,
        op,
        before: rowFieldOf(fields, 'before'),
        after: rowFieldOf(fields, 'after'),
      };
    default:
      return { ...facts, op, before: rowFieldOf(fields, 'before') };
  }
}

/** Off the properties of a message; undefined when they say none. Errors: MESSAGE.POISON. */
export function positionOfProperties(
  properties: ReadonlyMap<string, string>,
): BinlogPosition | undefined {
  const file = properties.get(PositionProperty.file);
  if (file === undefined) return undefined;
  return checkedPosition({
    file,
    offset: Number(properties.get(PositionProperty.offset)),
    row: Number(properties.get(PositionProperty.row)),
  });
}

function positionOf(fields: Fields): BinlogPosition {
  const position = fields['position'];
  if (typeof position !== 'object' || position === null) throw poison('position is not an object');
  const { file, offset, row } = position as Record<string, unknown>;
  return checkedPosition({ file, offset, row });
}

function checkedPosition({
  file,
  offset,
  row,
}: Record<keyof BinlogPosition, unknown>): BinlogPosition {
  if (typeof file !== 'string' || file.length > 255)
    throw poison('position.file is not a file name');
  binlogFileNumber(file);
  for (const [field, value] of [
    ['offset', offset],
    ['row', row],
  ] as const) {
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
      throw poison(`position.${field} is not an integer ≥ 0`);
    }
  }
  return { file, offset: offset as number, row: row as number };
}

function rowFieldOf(fields: Fields, field: 'before' | 'after'): BinlogRow {
  const row = fields[field];
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw poison(`${field} is not an object`);
  }
  for (const [column, value] of Object.entries(row)) {
    if (!isColumnValue(value)) throw poison(`${field}.${column} is not a value of a column`);
  }
  return row as BinlogRow;
}

function isColumnValue(value: unknown): value is ColumnValue {
  if (value === null || typeof value === 'string') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'object' && 'base64' in value && typeof value.base64 === 'string';
}
