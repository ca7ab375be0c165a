import { ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { DomainError, type FieldProblem } from './errors.ts';

/** A body can hold thousands of wrong fields; nobody reads more than these. */
const MAX_LISTED_FIELDS = 20;

/** Checks request bodies and queries against their DTO class; fields the class does not know are refused, too. */
export function requestValidation(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    exceptionFactory: (errors) => invalidRequest(errors),
  });
}

function invalidRequest(errors: readonly ValidationError[]): DomainError {
  const all = fieldProblems(errors, '');
  const fields = all.slice(0, MAX_LISTED_FIELDS);
  const unlisted = all.length - fields.length;
  const summary = fields
    .map(({ field, message }) => `${field}: ${message}`)
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
    const field = isIndex ? `${path}[${property}]` : joinPath(path, property);
    const messages = Object.values(constraints ?? {});
    if (messages.length > 0) return messages.map((message) => ({ field, message }));
    return fieldProblems(children ?? [], field);
  });
}

function joinPath(path: string, property: string): string {
  return path === '' ? property : `${path}.${property}`;
}
