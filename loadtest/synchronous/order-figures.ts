import { randomBytes, randomInt } from 'node:crypto';

export interface Line {
  sku: string;
  quantity: number;
  unitPriceMinor: number;
}

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** The number of an order, a payment or a red packet, as the shop's. */
export function newNo(madeAt: Date): string {
  const day = madeAt.toISOString().slice(0, 10).replaceAll('-', '');
  const letters = [...randomBytes(16)].map((byte) => alphabet[byte % alphabet.length]);
  return `${day}-${letters.join('')}`;
}

export function totalOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { quantity, unitPriceMinor }) => sum + quantity * unitPriceMinor, 0);
}

/** What a paid order earns: a coupon of 5 %, a red packet of 1 to 5 %, a point for each unit of the currency. */
export function rewardsOf(amountMinor: number): {
  couponMinor: number;
  packetMinor: number;
  points: number;
} {
  return {
    couponMinor: Math.max(1, Math.floor(amountMinor / 20)),
    packetMinor: Math.max(1, Math.floor((amountMinor * randomInt(100, 501)) / 10_000)),
    points: Math.floor(amountMinor / 100),
  };
}
