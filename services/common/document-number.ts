import { randomBytes } from 'node:crypto';

/** Crockford's alphabet: no I, L, O, U, so that a number read out on the telephone arrives. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const pattern = /^\d{8}-[0-9A-HJKMNP-TV-Z]{12}$/;

/**
 * The number of an order, a payment, a refund or a shipment: `20261120-7K3M9Q2T4VXA`. The day, so that people can sort; 60
 * random bits, so that nobody can guess the next.
 */
export function newDocumentNo(madeAt: Date): string {
  const day = madeAt.toISOString().slice(0, 10).replaceAll('-', '');
  const letters = [...randomBytes(12)].map((byte) => alphabet[byte % alphabet.length]);
  return `${day}-${letters.join('')}`;
}

/** Only these reach a statement: the columns are ASCII. */
export function isDocumentNo(text: string): boolean {
  return pattern.test(text);
}
