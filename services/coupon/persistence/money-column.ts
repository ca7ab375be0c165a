import { minorUnits } from '../../common/money.ts';

/** BIGINT arrives as text; an amount that a number cannot hold exactly is refused rather than rounded. */
export const money = {
  to: (amount: number): number => amount,
  from: (text: string): number => minorUnits(Number(text)),
};
