import { DomainError, type FieldProblem } from './errors.ts';

/** A batch can hold hundreds of wrong fields; nobody reads more than these. */
const MAX_LISTED_FIELDS = 20;
const MAX_QUOTED_CHARACTERS = 64;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the one list of a request's body, entry by entry. For batches that other services send: the decorated classes that
 * other bodies are checked by cost more a row than the database takes for it.
 *
 * Errors: REQUEST.INVALID naming each field that is missing, wrong, unknown or there twice, with what it is and must be.
 */
export function readBatch<T>(
  body: unknown,
  { field, maxCount, key }: BatchField<T>,
  read: (entry: BatchEntry) => T,
): T[] {
  const problems: FieldProblem[] = [];
  if (!isObject(body)) {
    problems.push({ field: '', message: `is ${named(body)}, it must be an object` });
  }
  const whole = new BatchEntry(isObject(body) ? body : {}, '', problems);
  const entries = problems.length === 0 ? whole.list(field, maxCount, read) : [];
  whole.end();
  if (problems.length === 0) problems.push(...repeated(entries, field, key));
  if (problems.length > 0) throw invalid(problems);
  return entries;
}

interface BatchField<T> {
  field: string;
  maxCount: number;
  /** What no two entries may have in common. */
  key: keyof T & string;
}

function repeated<T>(
  entries: readonly T[],
  field: string,
  key: BatchField<T>['key'],
): FieldProblem[] {
  const firstIndexes = new Map<unknown, number>();
  return entries.flatMap((entry, index) => {
    const value = entry[key];
    const firstIndex = firstIndexes.get(value);
    if (firstIndex === undefined) {
      firstIndexes.set(value, index);
      return [];
    }
    const message = `is ${named(value)} again, as in ${field}[${firstIndex}]; there must be one entry each`;
    return [{ field: `${field}[${index}].${key}`, message }];
  });
}

/** An object of a request, read field by field: what is wrong is noted, and something of the right type comes back. */
export class BatchEntry {
  readonly #fields: Fields;
  readonly #path: string;
  readonly #problems: FieldProblem[];
  readonly #known: string[] = [];

  constructor(fields: Fields, path: string, problems: FieldProblem[]) {
    this.#fields = fields;
    this.#path = path;
    this.#problems = problems;
  }

  text(field: string, pattern: RegExp, allowed: string): string {
    const value = this.#take(field);
    if (typeof value === 'string' && pattern.test(value)) return value;
    return this.#refuse(field, `is ${named(value)}, it must be ${allowed}`, '');
  }

  wholeNumber(field: string, lowest: number, highest: number): number {
    const value = this.#take(field);
    const isFit = typeof value === 'number' && Number.isSafeInteger(value);
    if (isFit && value >= lowest && value <= highest) return value;
    const allowed = `a whole number from ${lowest} to ${highest}`;
    return this.#refuse(field, `is ${named(value)}, it must be ${allowed}`, 0);
  }

  /** From 1 to `maxCount` objects. */
  list<T>(field: string, maxCount: number, read: (entry: BatchEntry) => T): T[] {
    const value = this.#take(field);
    if (!Array.isArray(value)) {
      return this.#refuse(field, `is ${named(value)}, it must be a list`, []);
    }
    if (value.length === 0 || value.length > maxCount) {
      return this.#refuse(field, `has ${value.length} entries, 1 to ${maxCount} are allowed`, []);
    }
    return value.map((each: unknown, index) => {
      const path = `${this.#path}${field}[${index}]`;
      if (!isObject(each)) {
        this.#problems.push({ field: path, message: `is ${named(each)}, it must be an object` });
      }
      const entry = new BatchEntry(isObject(each) ? each : {}, `${path}.`, this.#problems);
      const result = read(entry);
      entry.end();
      return result;
    });
  }

  /** All that is to be read has been: what else there is should not exist. */
  end(): void {
    for (const name in this.#fields) {
      if (this.#known.includes(name)) continue;
      this.#refuse(name.slice(0, MAX_QUOTED_CHARACTERS), 'should not exist', undefined);
    }
  }

  #take(field: string): unknown {
    this.#known.push(field);
    return Object.hasOwn(this.#fields, field) ? this.#fields[field] : undefined;
  }

  #refuse<T>(field: string, message: string, instead: T): T {
    this.#problems.push({ field: `${this.#path}${field}`, message });
    return instead;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text or a number as it came, of anything else only its kind, which may be long. */
function named(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number' || value === null) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value !== 'string') return `a ${typeof value}`;
  const isLong = value.length > MAX_QUOTED_CHARACTERS;
  return `${JSON.stringify(value.slice(0, MAX_QUOTED_CHARACTERS))}${isLong ? '…' : ''}`;
}

function invalid(problems: readonly FieldProblem[]): DomainError {
  const summary = problems
    .slice(0, 3)
    .map(({ field, message }) => `${field || 'the request'}: ${message}`)
    .join('; ');
  const more = problems.length > 3 ? '; …' : '';
  return new DomainError(
    'REQUEST.INVALID',
    'invalid',
    `${problems.length} field(s) refused: ${summary}${more}`,
    { fields: problems.slice(0, MAX_LISTED_FIELDS) },
  );
}
