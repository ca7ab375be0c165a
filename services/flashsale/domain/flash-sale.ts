import { DomainError, type FieldProblem } from '../../common/errors.ts';

/** More than any warehouse of ours holds. */
export const MAX_SALE_STOCK = 10_000_000;
export const MAX_PER_USER_LIMIT = 1_000;
/** After its end a sale is kept in Redis, for tickets that are still looked at. */
export const KEPT_AFTER_END_MS = 86_400_000;

export interface FlashSaleTerms {
  sku: string;
  /** Pieces. */
  stock: number;
  perUserLimit: number;
  startsAt: Date;
  /** From then on it is over. */
  endsAt: Date;
}

export type FlashSaleState = 'OPEN' | 'CLOSED';

export interface FlashSale extends FlashSaleTerms {
  saleId: string;
  /** CLOSED: ended by hand, before its time. */
  state: FlashSaleState;
  createdAt: Date;
}

/** Errors: REQUEST.INVALID naming every term that no sale can have, with what it clashes with. */
export function openSale(saleId: string, terms: FlashSaleTerms, now: Date): FlashSale {
  const { stock, perUserLimit, startsAt, endsAt } = terms;
  const fields: FieldProblem[] = [];
  if (perUserLimit > stock) {
    fields.push({ field: 'perUserLimit', message: `is ${perUserLimit}, the stock is ${stock}` });
  }
  if (endsAt <= startsAt) {
    const message = `is ${endsAt.toISOString()}, the sale starts at ${startsAt.toISOString()}`;
    fields.push({ field: 'endsAt', message });
  } else if (endsAt <= now) {
    fields.push({
      field: 'endsAt',
      message: `is ${endsAt.toISOString()}, it is ${now.toISOString()} now`,
    });
  }
  if (fields.length > 0) {
    const summary = fields.map(({ field, message }) => `${field} ${message}`).join('; ');
    throw new DomainError('REQUEST.INVALID', 'invalid', summary, { fields });
  }
  return { saleId, ...terms, state: 'OPEN', createdAt: now };
}

/** By the clock of whoever asks, which may differ from Redis's: for a short while the two may say different things. */
export function isOver(sale: Pick<FlashSale, 'state' | 'endsAt'>, nowMs: number): boolean {
  return sale.state === 'CLOSED' || nowMs >= sale.endsAt.getTime();
}

/** When everything of the sale may be forgotten in Redis, ms since epoch. */
export function forgetAtMs(sale: Pick<FlashSale, 'endsAt'>): number {
  return sale.endsAt.getTime() + KEPT_AFTER_END_MS;
}
