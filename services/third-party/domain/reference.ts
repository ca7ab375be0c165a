import { randomBytes } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** `CH-7K3M9Q2T4VXA0B1C`: a number of the outside world's own, 80 random bits. */
export function newReference(prefix: 'CH' | 'TRK'): string {
  const letters = [...randomBytes(16)].map((byte) => alphabet[byte % alphabet.length]);
  return `${prefix}-${letters.join('')}`;
}
