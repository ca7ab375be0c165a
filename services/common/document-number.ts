import { randomBytes } from 'node:crypto';

/** Crockford's alphabet: no I, L, O, U, so that a number read out on the telephone arrives. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const pattern = /^\d{8}-[0-9A-HJKMNP-TV-Z]{12}$/;

const LETTER_COUNT = 12;
/** Random bytes for many numbers at once: to ask the system for each costs more than all the rest. */
const POOL_BYTES = LETTER_COUNT * 256;
let pool = Buffer.alloc(0);
let usedCount = 0;

/**
 * The number of an order, a payment, a refund or a shipment: `20261120-7K3M9Q2T4VXA`. The day, so that people can sort; 60
 * random bits, so that nobody can guess the next.
 */
export function newDocumentNo(madeAt: Date): string {
  const day = madeAt.toISOString().slice(0, 10).replaceAll('-', '');
  if (usedCount === pool.length) {
    pool = randomBytes(POOL_BYTES);
    usedCount = 0;
  }
  let letters = '';
  for (const endCount = usedCount + LETTER_COUNT; usedCount < endCount; usedCount += 1) {
    letters += alphabet[pool[usedCount]! % alphabet.length];
  }
  return `${day}-${letters}`;
}

/** Only these reach a statement: the columns are ASCII. */
export function isDocumentNo(text: string): boolean {
  return pattern.test(text);
}
