import { binlogFileNumber, type BinlogPosition } from '../../contracts/order-binlog.ts';

const FILE_DIGITS = 10;
const OFFSET_DIGITS = 13;
const ROW_DIGITS = 10;

/** Characters of a version. */
export const VERSION_LENGTH = FILE_DIGITS + OFFSET_DIGITS + ROW_DIGITS + 2;

/**
 * A binlog position as a text that sorts, byte by byte, as positions do: `0000000012:0000000018342:0000000001`. One column
 * holds it, so that one comparison in a statement guards a row.
 *
 * Errors: RangeError for a number with more digits than are kept for it, which would sort wrongly.
 */
export function versionOf({ file, offset, row }: BinlogPosition): string {
  return [
    padded('file', binlogFileNumber(file), FILE_DIGITS),
    padded('offset', offset, OFFSET_DIGITS),
    padded('row', row, ROW_DIGITS),
  ].join(':');
}

function padded(what: string, value: number, digits: number): string {
  const text = String(value);
  if (text.length > digits) {
    throw new RangeError(`${what} ${text} of a binlog position has more than ${digits} digits`);
  }
  return text.padStart(digits, '0');
}
