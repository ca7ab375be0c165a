import { randomBytes } from 'node:crypto';

/** Crockford's alphabet: no I, L, O, U, so that a number read out on the telephone arrives. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const pattern = /^\d{8}-[0-9A-HJKMNP-TV-Z]{12}$/;

/** `20261120-7K3M9Q2T4VXA`: the day, so that people can sort; 60 random bits, so that nobody can guess the next. */
export function newOrderNo(placedAt: Date): string {
  const day = placedAt.toISOString().slice(0, 10).replaceAll('-', '');
  const letters = [...randomBytes(12)].map((byte) => alphabet[byte % alphabet.length]);
  return `${day}-${letters.join('')}`;
}

export function isOrderNo(text: string): boolean {
  return pattern.test(text);
}
