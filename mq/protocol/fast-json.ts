import { MqError } from '../errors.ts';

/**
 * JSON bodies as FastJSON writes them: standard JSON, plus two liberties that real peers take.
 *
 *     {0:"10.0.0.1:10911"}            a number as an unquoted key
 *     {{"queueId":1,"topic":"T"}:7}   an object as a key
 *
 * Objects decode to objects without a prototype, so a key named `__proto__` is only a key. An object with
 * object keys decodes to a `Map`.
 *
 * Source: FastJSON 1.2 and fastjson2 as used by RocketMQ 4.9 and 5.3.
 */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | JsonObject
  | ReadonlyMap<JsonObject, JsonValue>;

export type JsonObject = { readonly [key: string]: JsonValue };

export interface JsonLimits {
  /** A hostile peer nests `[[[[…` to overflow the stack; real bodies are at most 6 deep. */
  maxDepth: number;
  maxChars: number;
}

export const defaultJsonLimits: JsonLimits = { maxDepth: 64, maxChars: 16 * 1024 * 1024 };

/**
 * Parses one JSON text.
 *
 * Shape:  integers beyond 2^53, which a `number` cannot hold, come as bigint: Go puts nanoseconds into subVersion.
 * Errors: INVALID_ARGUMENT naming the position; also for integers that are no Java long, and for texts that are
 *         longer or deeper than `limits`.
 */
export function parseFastJson(text: string, limits: JsonLimits = defaultJsonLimits): JsonValue {
  if (text.length > limits.maxChars) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `JSON of ${text.length} characters exceeds ${limits.maxChars}`,
      { details: { chars: text.length, limit: limits.maxChars } },
    );
  }
  return new FastJsonParser(text, limits.maxDepth).parse();
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const INTEGER = /^-?\d+$/;
/** Length of -2^63. */
const MAX_LONG_CHARS = 20;

class FastJsonParser {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;
  #depth = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  parse(): JsonValue {
    const value = this.#value();
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the text');
    return value;
  }

  #value(): JsonValue {
    this.#skipBlanks();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > this.#maxDepth) {
      throw this.#failure(`nesting of ${this.#depth} exceeds ${this.#maxDepth}`);
    }
    this.#at += 1;
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #array(): JsonValue[] {
    const items: JsonValue[] = [];
    if (this.#accept(']')) return items;
    do items.push(this.#value());
    while (this.#accept(','));
    this.#expect(']');
    return items;
  }

  #object(): JsonObject | Map<JsonObject, JsonValue> {
    if (this.#accept('}')) return emptyObject();
    return this.#text[this.#at] === '{' ? this.#objectKeyedEntries() : this.#entries();
  }

  #entries(): JsonObject {
    const object = emptyObject();
    do {
      const key = this.#key();
      this.#expect(':');
      object[key] = this.#value();
    } while (this.#accept(','));
    this.#expect('}');
    return object;
  }

  #objectKeyedEntries(): Map<JsonObject, JsonValue> {
    const map = new Map<JsonObject, JsonValue>();
    do {
      this.#expect('{');
      this.#at -= 1;
      const key = this.#nested(() => this.#object());
      if (key instanceof Map) throw this.#failure('a key is itself keyed by objects');
      this.#expect(':');
      map.set(key, this.#value());
    } while (this.#accept(','));
    this.#expect('}');
    return map;
  }

  #key(): string {
    this.#skipBlanks();
    return this.#text[this.#at] === '"' ? this.#string() : this.#numberText();
  }

  /** The native parser unescapes; here only the closing quote is looked for. */
  #string(): string {
    let end = this.#at + 1;
    for (; this.#text[end] !== '"'; end++) {
      if (end >= this.#text.length) throw this.#failure('a string is not closed');
      if (this.#text[end] === '\\') end += 1;
    }
    const literal = this.#text.slice(this.#at, end + 1);
    try {
      const value = JSON.parse(literal) as string;
      this.#at = end + 1;
      return value;
    } catch (cause) {
      throw this.#failure('a string holds an illegal character or escape', cause);
    }
  }

  #number(): number | bigint {
    const text = this.#numberText();
    const value = Number(text);
    if (Number.isSafeInteger(value) || !INTEGER.test(text)) return value;
    const exact = text.length <= MAX_LONG_CHARS ? BigInt(text) : undefined;
    if (exact === undefined || BigInt.asIntN(64, exact) !== exact) {
      throw this.#failure(`integer ${text.slice(0, 40)} does not fit 64 bits`);
    }
    return exact;
  }

  #numberText(): string {
    NUMBER.lastIndex = this.#at;
    const text = NUMBER.exec(this.#text)?.[0];
    if (text === undefined) throw this.#unexpected('a value');
    this.#at += text.length;
    return text;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected(word);
    this.#at += word.length;
    return value;
  }

  #accept(character: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    this.#skipBlanks();
    return true;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) throw this.#unexpected(`'${character}'`);
  }

  #skipBlanks(): void {
    for (;;) {
      const character = this.#text[this.#at];
      if (character !== ' ' && character !== '\n' && character !== '\t' && character !== '\r')
        return;
      this.#at += 1;
    }
  }

  #unexpected(wanted: string): MqError {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#text[this.#at]) : 'the end';
    return this.#failure(`expected ${wanted}, found ${found}`);
  }

  #failure(reason: string, cause?: unknown): MqError {
    return new MqError('INVALID_ARGUMENT', `JSON at character ${this.#at}: ${reason}`, { cause });
  }
}

function emptyObject(): Record<string, JsonValue> {
  return Object.create(null) as Record<string, JsonValue>;
}

/** What can be written: `undefined` properties are left out, maps may be keyed by numbers too. */
export type JsonSource =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | readonly JsonSource[]
  | { readonly [key: string]: JsonSource }
  | ReadonlyMap<JsonSource, JsonSource>;

/**
 * Writes JSON that every peer reads: no white space (the Go client splits route text by hand), numeric keys
 * quoted, object keys as objects (fastjson2 refuses them as strings), empty maps as `{}`.
 *
 * Errors: INVALID_ARGUMENT for a number that JSON or a Java long cannot carry exactly.
 */
export function formatFastJson(value: JsonSource): string {
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value === 'bigint') return String(value);
  if (value === null || value === undefined || typeof value !== 'object') {
    return JSON.stringify(value ?? null);
  }
  if (isArray(value)) return `[${value.map(formatFastJson).join(',')}]`;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const parts: string[] = [];
  for (const [key, item] of entries as [JsonSource, JsonSource][]) {
    if (item !== undefined) parts.push(`${formatKey(key)}:${formatFastJson(item)}`);
  }
  return `{${parts.join(',')}}`;
}

function formatKey(key: JsonSource): string {
  return typeof key === 'object' && key !== null
    ? formatFastJson(key)
    : JSON.stringify(String(key));
}

function formatNumber(value: number): string {
  const isExact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (!isExact) throw new MqError('INVALID_ARGUMENT', `number ${value} cannot be written exactly`);
  return JSON.stringify(value);
}

function isArray(value: object): value is readonly JsonSource[] {
  return Array.isArray(value);
}
