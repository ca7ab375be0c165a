import { minorUnits } from './money.ts';

/** For a BIGINT column of money or points, which arrives as text: what a number cannot hold exactly is refused, not rounded. */
export const amount = {
  to: (value: number): number => value,
  from: (text: string): number => minorUnits(Number(text)),
};
