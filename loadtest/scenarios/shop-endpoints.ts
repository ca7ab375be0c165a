import type { Endpoint } from '../scenario.ts';

/** What customers ask of the shop, with the answers they may get in good times. */
export const shop = {
  browse: { name: 'browse', service: 'stock', method: 'GET', path: '/stock', answers: [200] },
  look: { name: 'look', service: 'stock', method: 'GET', path: '/stock/:sku', answers: [200] },
  place: { name: 'place', service: 'order', method: 'POST', path: '/orders', answers: [201] },
  find: { name: 'find', service: 'order', method: 'GET', path: '/orders/:orderNo', answers: [200] },
  pay: { name: 'pay', service: 'payment', method: 'POST', path: '/payments', answers: [202] },
  refund: {
    name: 'refund',
    service: 'order',
    method: 'POST',
    path: '/orders/:orderNo/refunds',
    answers: [202],
  },
} satisfies Readonly<Record<string, Endpoint>>;

/** No customer waits for these: they do what follows from an order, or know of none. */
export const behindCustomers = [
  'push',
  'points',
  'warehouse',
  'refund',
  'third-party',
  'flashsale',
  'sync',
] as const;

/** Of the catalogue; there is a million of each. */
export const skus = [
  'TEA-GREEN-100',
  'TEA-BLACK-100',
  'TEA-OOLONG-50',
  'COFFEE-250',
  'COFFEE-1000',
  'MUG-BLUE',
  'MUG-WHITE',
  'POT-GLASS',
  'KETTLE-STEEL',
  'FILTER-40',
  'HONEY-500',
] as const;

export function anySku(random: number): string {
  return skus[Math.floor(random * skus.length)]!;
}

/** Tells the keys and customers of one run from those of all others that left rows in the same database. */
export function newRun(): string {
  return Date.now().toString(36);
}
