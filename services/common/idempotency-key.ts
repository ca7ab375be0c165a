import { createHash } from 'node:crypto';
import { DomainError } from './errors.ts';

const MAX_KEY_CHARACTERS = 128;
const keyPattern = /^[\x21-\x7e]+$/;

/** Errors: REQUEST.INVALID naming the header. */
export function idempotencyKeyOf(header: string | undefined): string {
  const refuse = (message: string): DomainError =>
    new DomainError('REQUEST.INVALID', 'invalid', `Idempotency-Key ${message}`, {
      fields: [{ field: 'Idempotency-Key', message }],
    });
  if (header === undefined || header === '') {
    throw refuse(
      'is missing: send a new value with every new request, and the same one when trying again',
    );
  }
  if (header.length > MAX_KEY_CHARACTERS) {
    throw refuse(`has ${header.length} characters, at most ${MAX_KEY_CHARACTERS} are allowed`);
  }
  if (!keyPattern.test(header)) {
    // Node joins headers that come twice with a comma and a space.
    throw refuse(
      'has a character that is not visible ASCII (a space, say), or came more than once',
    );
  }
  return header;
}

/** What makes two requests the same: the values that count, in their order; not how the JSON was written. */
export function fingerprintOf(values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}
