import { readInt32 } from './bytes.ts';

/*
 * Header fields as the clients' encoders write them, read from their bytes without a text between: each function here says
 * no to what is of another form, and leaves it to the general decoders.
 */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const COLON = 0x3a;
export const OPEN = 0x7b;
export const CLOSE = 0x7d;
export const BACKSLASH = 0x5c;

const TRUE = 0x74727565;
const FALS = 0x66616c73;

export function isName(source: Buffer, at: number, end: number, name: string): boolean {
  if (end - at !== name.length) return false;
  for (let index = 0; index < name.length; index++) {
    if (source[at + index] !== name.charCodeAt(index)) return false;
  }
  return true;
}

/** Behind the closing quote of the JSON text that begins at `at`; -1 unless it is printable ASCII without escapes. */
export function plainTextEnd(source: Buffer, at: number, end: number): number {
  if (source[at] !== QUOTE) return -1;
  for (let next = at + 1; next < end; next++) {
    const byte = source[next]!;
    if (byte === QUOTE) return next + 1;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return -1;
  }
  return -1;
}

export function numberEnd(source: Buffer, at: number, end: number): number {
  let next = source[at] === MINUS ? at + 1 : at;
  while (next < end && source[next]! >= 0x30 && source[next]! <= 0x39) next++;
  return next;
}

export function isAscii(source: Buffer, at: number, end: number): boolean {
  for (let next = at; next < end; next++) if (source[next]! > 0x7f) return false;
  return true;
}

/** NaN for anything but 1 to 15 decimal digits, perhaps behind a minus. */
export function integerOf(source: Buffer, at: number, end: number): number {
  const isNegative = source[at] === MINUS;
  const digitsAt = isNegative ? at + 1 : at;
  if (end <= digitsAt || end - digitsAt > 15) return NaN;
  let value = 0;
  for (let next = digitsAt; next < end; next++) {
    const digit = source[next]! - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

/** As integerOf; NaN also for what is no int32. */
export function int32Of(source: Buffer, at: number, end: number): number {
  const value = integerOf(source, at, end);
  return value >= -0x80000000 && value <= 0x7fffffff ? value : NaN;
}

/** Undefined for anything but the two words. */
export function booleanOf(source: Buffer, at: number, end: number): boolean | undefined {
  if (end - at === 4 && readInt32(source, at) === TRUE) return true;
  if (end - at === 5 && readInt32(source, at) === FALS && source[at + 4] === 0x65) return false;
  return undefined;
}
