import type { Behaviours } from '../support/cell.ts';
import { binaryHeaders } from './binary-headers.ts';
import { consuming } from './consuming.ts';
import { delays } from './delays.ts';
import { order } from './order.ts';
import { retry } from './retry.ts';
import { sending } from './sending.ts';
import { transactions } from './transactions.ts';

/** Every row of the matrix, in its order. */
export const behaviours: readonly Behaviours[] = [
  sending,
  consuming,
  retry,
  order,
  transactions,
  delays,
  binaryHeaders,
];
