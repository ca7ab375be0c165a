/** What every contract needs to read a message body that claims to be one of its events. */
import { DomainError } from '../common/errors.ts';

/** As a string's length counts them: an emoji is two. */
export const MAX_TEXT_CHARACTERS = 128;

/** A JSON object of a message, read field by field. Errors: MESSAGE.POISON naming the field, without repeating the payload. */
export type Fields = Record<string, unknown>;

export function fieldsOf(body: string): Fields {
  return asFields('body', parseJson(body));
}

function asFields(field: string, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw poison(`${field} is not an object`);
  }
  return value as Fields;
}

export function textOf(fields: Fields, field: string, path = ''): string {
  const value = fields[field];
  if (typeof value !== 'string' || value === '') throw poison(`${path}${field} is not a text`);
  if (value.length > MAX_TEXT_CHARACTERS) {
    throw poison(
      `${path}${field} has ${value.length} characters, at most ${MAX_TEXT_CHARACTERS} are allowed`,
    );
  }
  return value;
}

const keyPattern = /^[\x21-\x7e]{1,64}$/;

/** A text that also serves as a message key: no blanks, which would separate keys. */
export function keyOf(fields: Fields, field: string): string {
  const value = textOf(fields, field);
  if (!keyPattern.test(value)) throw poison(`${field} is not 1 to 64 visible ASCII characters`);
  return value;
}

export function wholeNumberOf(fields: Fields, field: string, lowest: number, path = ''): number {
  const value = fields[field];
  if (!Number.isSafeInteger(value) || (value as number) < lowest) {
    throw poison(`${path}${field} is not an integer ≥ ${lowest}`);
  }
  return value as number;
}

export function booleanOf(fields: Fields, field: string): boolean {
  const value = fields[field];
  if (typeof value !== 'boolean') throw poison(`${field} is not true or false`);
  return value;
}

/** A list that is not empty; `path` is what an entry's fields are named after: `items[3].`. */
export function listOf<T>(
  fields: Fields,
  field: string,
  read: (entry: Fields, path: string) => T,
): T[] {
  const list = fields[field];
  if (!Array.isArray(list) || list.length === 0) throw poison(`${field} is not a filled list`);
  return list.map((value: unknown, index) => {
    const path = `${field}[${index}]`;
    return read(asFields(path, value), `${path}.`);
  });
}

/** `items`: so many of each sku. */
export function itemsOf(fields: Fields): { sku: string; quantity: number }[] {
  return listOf(fields, 'items', (item, path) => ({
    sku: textOf(item, 'sku', path),
    quantity: wholeNumberOf(item, 'quantity', 1, path),
  }));
}

/** ISO 8601 in UTC, of a year that a database keeps, too. */
const timePattern = /^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

export function timeOf(fields: Fields, field: string): string {
  const value = textOf(fields, field);
  if (!timePattern.test(value) || Number.isNaN(Date.parse(value))) {
    throw poison(`${field} is not a time`);
  }
  return value;
}

/** `type`, or another field, which is one of those the reader knows; `known` lists them for whoever reads the refusal. */
export function typeOf<T extends string>(fields: Fields, known: readonly T[], field = 'type'): T {
  const type = textOf(fields, field);
  const found = known.find((each) => each === type);
  if (found !== undefined) return found;
  const last = known.at(-1);
  const list = known.length > 1 ? `${known.slice(0, -1).join(', ')} or ${last}` : last;
  throw poison(`${field} is ${JSON.stringify(type.slice(0, 40))}, it must be ${list}`);
}

export function poison(reason: string): DomainError {
  return new DomainError('MESSAGE.POISON', 'invalid', reason);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the parser's own error as the cause: it quotes the body, and the cause is logged.
    throw poison('the body is not JSON');
  }
}
