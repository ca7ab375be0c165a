/**
 * A number as the original's filters know them. Which of the three it is decides how the text of a property is read when it
 * is compared with it: beside `5` a property of `5.0` is no number, beside `5.0` it is.
 */
export type FilterNumber =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'long'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number };

const MAX_INT = 2_147_483_647;
const MAX_LONG = 2n ** 63n - 1n;
/** Java's Double.MIN_VALUE is the smallest above zero. */
const MIN_DOUBLE = Number.MIN_VALUE;

const wholeNumber = /^([+-]?)0*(\d{1,19})$/;
const decimalNumber = /^[+-]?(?:NaN|Infinity|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?)$/;

/** An integer literal, unsigned; undefined beyond Java's long. Those that fit an int are ints, with or without an L. */
export function integerLiteral(digits: string): FilterNumber | undefined {
  // More digits would take time to be read and are too many anyway.
  if (digits.length > 19) return undefined;
  const value = BigInt(digits);
  if (value > MAX_LONG) return undefined;
  return value <= MAX_INT ? { kind: 'int', value: Number(value) } : { kind: 'long', value };
}

/** A decimal literal; undefined for one that is zero or infinite as a double, which the original refuses. */
export function decimalLiteral(source: string): FilterNumber | undefined {
  const value = Number(source);
  return value >= MIN_DOUBLE && value !== Infinity ? { kind: 'double', value } : undefined;
}

export function negated(number: FilterNumber): FilterNumber {
  // Not −0, which is below 0 as a double.
  return number.kind === 'long'
    ? { kind: 'long', value: -number.value }
    : { kind: number.kind, value: 0 - number.value };
}

/**
 * Reads the text of a property as a number of that kind, as Java's `valueOf` does; undefined when it is none.
 * Hexadecimal doubles and digits of other scripts, which Java takes as well, are not read.
 */
export function numberOf(text: string, kind: FilterNumber['kind']): FilterNumber | undefined {
  if (kind === 'double') {
    const value = doubleOf(text);
    return value === undefined ? undefined : { kind, value };
  }
  const [, sign, digits] = wholeNumber.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const magnitude = BigInt(digits);
  const value = sign === '-' ? -magnitude : magnitude;
  const largest = kind === 'int' ? BigInt(MAX_INT) : MAX_LONG;
  if (value > largest || value < -largest - 1n) return undefined;
  return kind === 'int' ? { kind, value: Number(value) } : { kind, value };
}

/** Java's Double.valueOf: blanks around it do no harm, a letter f or d may follow. */
export function doubleOf(text: string): number | undefined {
  const trimmed = trimmedAsJava(text);
  if (!decimalNumber.test(trimmed)) return undefined;
  return Number(trimmed.replace(/[fFdD]$/, ''));
}

/** String.trim of Java, which takes every control character for a blank. */
function trimmedAsJava(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && text.charCodeAt(from) <= 0x20) from++;
  while (from < to && text.charCodeAt(to - 1) <= 0x20) to--;
  return text.slice(from, to);
}

/** Below, at or above zero; one double among them makes it a comparison of doubles. */
export function compareNumbers(left: FilterNumber, right: FilterNumber): number {
  if (left.kind === 'double' || right.kind === 'double') {
    return compareDoubles(Number(left.value), Number(right.value));
  }
  if (left.value < right.value) return -1;
  return left.value > right.value ? 1 : 0;
}

/** Java's Double.compareTo: −0.0 comes before 0.0, NaN equals itself and comes last. */
export function compareDoubles(left: number, right: number): number {
  if (left < right) return -1;
  if (left > right) return 1;
  if (Object.is(left, right)) return 0;
  if (Number.isNaN(left)) return 1;
  if (Number.isNaN(right)) return -1;
  return Object.is(left, -0) ? -1 : 1;
}
