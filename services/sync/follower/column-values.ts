import type { ColumnValue } from '../../contracts/order-binlog.ts';

/** What of a column decides how its values are told: its type as `zongji` names it, in lower case. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/**
 * Turns a value as the binlog client reads it into what ORDER_BINLOG says, without losing a digit.
 *
 * Errors: RangeError saying the type of a value that cannot be told.
 */
export function columnValue(column: Column, value: unknown): ColumnValue {
  if (value === null) return null;
  if (Buffer.isBuffer(value)) return { base64: value.toString('base64') };
  if (column.type.startsWith('bigint')) return wholeDigits(column, value);
  if (/^(datetime|timestamp)/.test(column.type)) return isoTime(column, value);
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  // The empty value that MariaDB puts in an ENUM for one that is none.
  if (value === undefined && column.type.startsWith('enum')) return '';
  throw untellable(column, value);
}

/** The client gives a number where one is exact, and text beyond. */
function wholeDigits(column: Column, value: unknown): string {
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return value;
  if (Number.isSafeInteger(value)) return String(value);
  throw untellable(column, value);
}

/** `2026-11-30 08:15:00.250`, which the client was told to give in UTC. */
function isoTime(column: Column, value: unknown): string {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/.test(value)) {
    return `${value.replace(' ', 'T')}Z`;
  }
  throw untellable(column, value);
}

function untellable({ name, type }: Column, value: unknown): RangeError {
  return new RangeError(`column ${name} of type ${type} holds a value of type ${typeof value}`);
}
