import { MqError } from '../errors.ts';
import {
  formatFastJson,
  parseFastJson,
  type JsonObject,
  type JsonSource,
  type JsonValue,
} from './fast-json.ts';
import { beginningOf } from './quoted.ts';

export function encodeJsonBody(value: JsonSource): Buffer {
  return Buffer.from(formatFastJson(value), 'utf8');
}

const LONGEST_KEY_CHARS = 80;

/**
 * One object of a decoded JSON body. Each reader names the path of a field that is missing or of the wrong
 * type, and coerces as Java peers do: C++ sends numbers as strings, others numbers where strings belong.
 *
 * Errors: INVALID_ARGUMENT, always with the path.
 */
export class JsonBody {
  readonly #fields: ReadonlyMap<string, JsonValue>;
  readonly #path: string;

  private constructor(value: JsonValue | undefined, path: string) {
    if (!isPlainObject(value)) throw illegal(path, value, 'an object');
    this.#fields = new Map(Object.entries(value));
    this.#path = path;
  }

  /** Errors: INVALID_ARGUMENT when the value is no object. */
  static of(value: JsonValue, path: string): JsonBody {
    return new JsonBody(value, path);
  }

  static parse(body: Buffer | undefined, path: string): JsonBody {
    if (body === undefined || body.length === 0) {
      throw new MqError('INVALID_ARGUMENT', `${path}: the body is missing`);
    }
    let value: JsonValue;
    try {
      value = parseFastJson(body.toString('utf8'));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new MqError('INVALID_ARGUMENT', `${path}: ${reason}`, { cause });
    }
    return new JsonBody(value, path);
  }

  /** False for null, too. */
  has(name: string): boolean {
    return this.#get(name) !== undefined;
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.#missing(name);
  }

  optionalString(name: string): string | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    if (typeof value === 'object') throw illegal(this.#pathOf(name), value, 'a string');
    return String(value);
  }

  /** Any exact integer, a Java int or long. */
  integer(name: string, fallback?: number): number {
    const value = this.#get(name) ?? fallback ?? this.#missing(name);
    return toInteger(value, this.#pathOf(name));
  }

  /**
   * A long that is only ever compared: it may use all 64 bits, and beyond 2^53 it is rounded. Go counts versions
   * in nanoseconds, Java in milliseconds.
   */
  version(name: string, fallback: number): number {
    const value = this.#get(name);
    return typeof value === 'bigint' ? Number(value) : this.integer(name, fallback);
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.#get(name);
    if (value === undefined) return fallback;
    if (typeof value === 'object') throw illegal(this.#pathOf(name), value, 'true or false');
    return String(value).toLowerCase() === 'true';
  }

  object(name: string): JsonBody {
    return new JsonBody(this.#get(name), this.#pathOf(name));
  }

  isList(name: string): boolean {
    return Array.isArray(this.#get(name));
  }

  /** A missing list reads as an empty one: C++ leaves out what it has nothing to say about. */
  objects(name: string): JsonBody[] {
    return this.#list(name).map((item, index) => new JsonBody(item, this.#itemPath(name, index)));
  }

  strings(name: string): string[] {
    return this.#list(name).map((item, index) => {
      if (item === null || typeof item === 'object') {
        throw illegal(this.#itemPath(name, index), item, 'a string');
      }
      return String(item);
    });
  }

  integers(name: string): number[] {
    return this.#list(name).map((item, index) => toInteger(item, this.#itemPath(name, index)));
  }

  /** The entries of a map from strings to objects; a missing map reads as an empty one. */
  objectEntries(name: string): [string, JsonBody][] {
    return this.#entries(name).map(([key, value]) => [
      key,
      new JsonBody(value, `${this.#pathOf(name)}.${beginningOf(key, LONGEST_KEY_CHARS)}`),
    ]);
  }

  /** The entries of a map from strings to lists of strings. */
  stringListEntries(name: string): [string, string[]][] {
    const map = this.#optionalObject(name);
    if (map === undefined) return [];
    return [...map.#fields.keys()].map((key) => [key, map.strings(key)]);
  }

  /** The entries of a map from strings to strings. */
  stringEntries(name: string): [string, string][] {
    const map = this.#optionalObject(name);
    if (map === undefined) return [];
    return [...map.#fields.keys()].map((key) => [key, map.string(key)]);
  }

  /** The entries of a map from objects to integers; a missing map reads as an empty one. */
  integersByObject(name: string): [JsonBody, number][] {
    return this.#objectKeyedEntries(name).map(([key, value, path]) => [
      new JsonBody(key, path),
      toInteger(value, path),
    ]);
  }

  /** The entries of a map from objects to objects; a missing map reads as an empty one. */
  objectsByObject(name: string): [JsonBody, JsonBody][] {
    return this.#objectKeyedEntries(name).map(([key, value, path]) => [
      new JsonBody(key, path),
      new JsonBody(value, path),
    ]);
  }

  #objectKeyedEntries(name: string): [JsonObject, JsonValue, string][] {
    const value = this.#get(name);
    // Without entries nothing tells such a map from an ordinary object.
    if (value instanceof Map) {
      return Array.from(value as ReadonlyMap<JsonObject, JsonValue>, ([key, item], index) => [
        key,
        item,
        this.#itemPath(name, index),
      ]);
    }
    if (this.#entries(name).length === 0) return [];
    throw illegal(this.#pathOf(name), value, 'a map with objects for keys');
  }

  #entries(name: string): [string, JsonValue][] {
    const map = this.#optionalObject(name);
    return map === undefined ? [] : [...map.#fields];
  }

  #optionalObject(name: string): JsonBody | undefined {
    return this.#get(name) === undefined ? undefined : this.object(name);
  }

  #list(name: string): readonly JsonValue[] {
    const value = this.#get(name) ?? [];
    if (!Array.isArray(value)) throw illegal(this.#pathOf(name), value, 'a list');
    return value as readonly JsonValue[];
  }

  #get(name: string): JsonValue | undefined {
    return this.#fields.get(name) ?? undefined;
  }

  #missing(name: string): never {
    throw new MqError('INVALID_ARGUMENT', `${this.#pathOf(name)} is missing`);
  }

  #pathOf(name: string): string {
    return `${this.#path}.${beginningOf(name, LONGEST_KEY_CHARS)}`;
  }

  #itemPath(name: string, index: number): string {
    return `${this.#pathOf(name)}[${index}]`;
  }
}

function isPlainObject(
  value: JsonValue | undefined,
): value is { readonly [key: string]: JsonValue } {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map)
  );
}

function toInteger(value: JsonValue, path: string): number {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
    throw illegal(path, value, 'an integer within 2^53');
  }
  return number;
}

function illegal(path: string, value: JsonValue | undefined, wanted: string): MqError {
  const found = value === undefined ? 'nothing' : describe(value).slice(0, 60);
  return new MqError('INVALID_ARGUMENT', `${path} is ${found}, not ${wanted}`);
}

function describe(value: JsonValue): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  );
}
