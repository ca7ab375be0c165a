import { MqError } from '../errors.ts';
import { quoted } from './quoted.ts';

/**
 * The types a header field can have. On the wire every one of them is a string; a `Field` knows how to
 * write it, how to read it back, and under which name it travels.
 */
export interface Field<T> {
  encode(value: T): string;
  /** Throws a sentence without the field's name; `define-request` adds it. */
  decode(text: string): T;
  readonly isOptional: boolean;
  /** The name on the wire when it is not the property's own (SEND_MESSAGE_V2's `a` … `n`). */
  readonly wireName: string | undefined;
}

function field<T>(encode: (value: T) => string, decode: (text: string) => T): Field<T> {
  return { encode, decode, isOptional: false, wireName: undefined };
}

function illegal(reason: string): MqError {
  return new MqError('INVALID_ARGUMENT', reason);
}

const INTEGER = /^[+-]?\d{1,19}$/;

function integerBetween(lowest: number, highest: number): Field<number> {
  const check = (value: number): number => {
    if (!Number.isInteger(value) || value < lowest || value > highest) {
      throw illegal(`${value} is not an integer in ${lowest}..${highest}`);
    }
    return value;
  };
  return field(
    (value) => String(check(value)),
    (text) => {
      if (!INTEGER.test(text)) throw illegal(`${quoted(text)} is not an integer`);
      return check(Number(text));
    },
  );
}

export const str: Field<string> = field(
  (value) => value,
  (text) => text,
);

export const int32: Field<number> = integerBetween(-(2 ** 31), 2 ** 31 - 1);

/** A Java long as a `number`: refused beyond ±2^53, which a CommitLog reaches after 9 PB. */
export const int64: Field<number> = integerBetween(
  -Number.MAX_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER,
);

/** A Java long that is only ever compared, such as subVersion: beyond 2^53 it is rounded, not refused. */
export const version64: Field<number> = field(
  (value) => String(BigInt(Math.trunc(value))),
  (text) => {
    if (!INTEGER.test(text)) throw illegal(`${quoted(text)} is not an integer`);
    return Number(text);
  },
);

/** A Java long that bounds a range: beyond 2^53 it is ±Infinity, which is written as Java's largest and lowest long. */
export const openInt64: Field<number> = field(
  (value) => {
    if (value === Infinity) return '9223372036854775807';
    if (value === -Infinity) return '-9223372036854775808';
    return int64.encode(value);
  },
  (text) => {
    const value = version64.decode(text);
    return Number.isSafeInteger(value) ? value : value * Infinity;
  },
);

/** Java's Boolean.parseBoolean: "true" in any case is true, all else is false. */
export const bool: Field<boolean> = field(
  (value) => String(value),
  (text) => text.toLowerCase() === 'true',
);

/** The field may be missing, in which case its property is undefined. */
export function optional<T>(inner: Field<T>): Field<T | undefined> {
  return { ...(inner as Field<T | undefined>), isOptional: true };
}

/** The field travels under another name. */
export function aliased<T>(wireName: string, inner: Field<T>): Field<T> {
  return { ...inner, wireName };
}
