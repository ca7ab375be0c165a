import { ValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { DomainError, type FieldProblem } from './errors.ts';

/** A body can hold thousands of wrong fields; nobody reads more than these. */
const MAX_LISTED_FIELDS = 20;

/** Beyond these no request of ours is right, and looking at every value would keep others waiting. */
const MAX_BODY_VALUES = 2_000;
const MAX_BODY_DEPTH = 8;

/** A field's name comes from the request and goes back into the answer. */
const MAX_NAME_CHARACTERS = 64;

/** A DTO class whose lists may be long says how long, per field. */
interface ListLimits {
  listLimits?: Readonly<Record<string, number>>;
}

/** Checks request bodies and queries against their DTO class; fields the class does not know are refused, too. */
export class RequestValidation extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      stopAtFirstError: true,
      exceptionFactory: (errors) => invalidRequest(fieldProblems(errors, '')),
    });
  }

  /** Size first: what is far too much must be refused before anything costly looks at each part of it. */
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const { listLimits = {} } = (metadata.metatype ?? {}) as ListLimits;
    const problems = [...listProblems(value, listLimits), ...bulkProblems(value)];
    if (problems.length > 0) throw invalidRequest(problems.slice(0, 1));
    return super.transform(value, metadata);
  }
}

function listProblems(value: unknown, limits: Readonly<Record<string, number>>): FieldProblem[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(limits).flatMap(([field, limit]) => {
    const list = (value as Record<string, unknown>)[field];
    if (!Array.isArray(list) || list.length <= limit) return [];
    return [{ field, message: `has ${list.length} entries, at most ${limit} are allowed` }];
  });
}

/** Walks without recursion: a body of nothing but brackets would otherwise end in a stack overflow. */
function bulkProblems(body: unknown): FieldProblem[] {
  const waiting: { value: unknown; depth: number }[] = [{ value: body, depth: 0 }];
  let valueCount = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth === MAX_BODY_DEPTH) {
      return [{ field: '', message: `is nested over ${MAX_BODY_DEPTH} levels deep` }];
    }
    const inner = Object.values(value);
    // class-validator takes these for fields that every class knows.
    const inherited = Object.keys(value).find((name) => name in Object.prototype);
    if (inherited !== undefined) return [{ field: inherited, message: 'should not exist' }];
    valueCount += inner.length;
    if (valueCount > MAX_BODY_VALUES) {
      return [
        {
          field: '',
          message: `has ${valueCount} values or more, at most ${MAX_BODY_VALUES} are allowed`,
        },
      ];
    }
    for (const each of inner) waiting.push({ value: each, depth: depth + 1 });
  }
  return [];
}

function invalidRequest(all: readonly FieldProblem[]): DomainError {
  const fields = all.slice(0, MAX_LISTED_FIELDS);
  const unlisted = all.length - fields.length;
  const summary = fields
    .map(({ field, message }) => `${field || 'the request'}: ${message}`)
    .slice(0, 3)
    .join('; ');
  return new DomainError(
    'REQUEST.INVALID',
    'invalid',
    `${all.length} field(s) refused: ${summary}${all.length > 3 ? '; …' : ''}` +
      (unlisted > 0 ? ` (${unlisted} more not listed)` : ''),
    { fields },
  );
}

/** A list that is itself refused (too long, say) is one problem; what is in it is not looked into any more. */
function fieldProblems(errors: readonly ValidationError[], path: string): FieldProblem[] {
  return errors.flatMap(({ property, constraints, children }) => {
    const isIndex = /^\d+$/.test(property);
    const field = isIndex ? `${path}[${property}]` : joinPath(path, shortened(property));
    if (constraints?.['whitelistValidation'] !== undefined) {
      return [{ field, message: 'should not exist' }];
    }
    const messages = Object.values(constraints ?? {});
    if (messages.length > 0) return messages.map((message) => ({ field, message }));
    return fieldProblems(children ?? [], field);
  });
}

function joinPath(path: string, property: string): string {
  return path === '' ? property : `${path}.${property}`;
}

function shortened(name: string): string {
  return name.length <= MAX_NAME_CHARACTERS ? name : `${name.slice(0, MAX_NAME_CHARACTERS)}…`;
}
