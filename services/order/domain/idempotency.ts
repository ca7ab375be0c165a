import { createHash } from 'node:crypto';
import { DomainError } from '../../common/errors.ts';
import type { OrderLine } from './order.ts';

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
      'is missing: send a new value with every new order, and the same one when trying again',
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

/** What makes two requests the same: who orders what, in which order of lines; not how the JSON was written. */
export function requestFingerprint(request: {
  userId: string;
  lines: readonly OrderLine[];
}): string {
  const canonical = [request.userId, ...request.lines.map(({ sku, quantity }) => [sku, quantity])];
  return createHash('sha256').update(JSON.stringify(canonical)).digest('hex');
}
