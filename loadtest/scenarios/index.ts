import type { Scenario } from '../scenario.ts';
import { browseAndBuy } from './browse-and-buy.ts';
import { flashSale } from './flash-sale.ts';
import { payStorm } from './pay-storm.ts';
import { refundStorm } from './refund-storm.ts';
import { soak } from './soak.ts';

/** By the name that is typed behind `npm run loadtest --`. */
export const scenarios: Readonly<Record<string, Scenario>> = Object.fromEntries(
  [browseAndBuy, flashSale, refundStorm, payStorm, soak].map((scenario) => [
    scenario.name,
    scenario,
  ]),
);

/** Where those who send find them. */
export const scenariosModule = import.meta.url;
