import type { Behaviours } from '../support/cell.ts';
import { binaryHeaders } from './binary-headers.ts';
import { consuming } from './consuming.ts';
import { delays } from './delays.ts';
import { filters } from './filters.ts';
import { finding } from './finding.ts';
import { goingBack } from './going-back.ts';
import { order } from './order.ts';
import { popping } from './popping.ts';
import { pulling } from './pulling.ts';
import { pushConsumers } from './push-consumers.ts';
import { requesting } from './requesting.ts';
import { retry } from './retry.ts';
import { sending } from './sending.ts';
import { topics } from './topics.ts';
import { transactions } from './transactions.ts';

/** Every row of the matrix, in its order. */
export const behaviours: readonly Behaviours[] = [
  sending,
  requesting,
  consuming,
  filters,
  pulling,
  pushConsumers,
  popping,
  retry,
  order,
  finding,
  goingBack,
  transactions,
  delays,
  topics,
  binaryHeaders,
];
