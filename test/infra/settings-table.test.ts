import { afterEach, expect, it, jest } from '@jest/globals';
import { EnvReader, type Env } from '../../services/common/env.ts';
import { loadConfig as coupon } from '../../services/coupon/config.ts';
import { loadConfig as flashsale } from '../../services/flashsale/config.ts';
import { loadConfig as order } from '../../services/order/config.ts';
import { loadConfig as payment } from '../../services/payment/config.ts';
import { loadConfig as points } from '../../services/points/config.ts';
import { loadConfig as push } from '../../services/push/config.ts';
import { loadConfig as refund } from '../../services/refund/config.ts';
import { loadConfig as stock } from '../../services/stock/config.ts';
import { loadConfig as storefront, peerNames } from '../../services/storefront/config.ts';
import { loadConfig as sync } from '../../services/sync/config.ts';
import { loadConfig as thirdParty } from '../../services/third-party/config.ts';
import { loadConfig as warehouse } from '../../services/warehouse/config.ts';
import { textOf } from './documents.ts';

const loaders = [
  coupon,
  flashsale,
  order,
  payment,
  points,
  push,
  refund,
  stock,
  storefront,
  sync,
  thirdParty,
  warehouse,
];

/** Where the others are, each with a time limit: said of all of them together. */
const ofPeers = new RegExp(
  `^(?:${peerNames.map((name) => name.toUpperCase().replace('-', '_')).join('|')})_(?:URL|TIMEOUT_MS)$`,
);

afterEach(() => {
  jest.restoreAllMocks();
});

/** What the services ask their environment for, and what whole numbers are when it does not say. */
function settings(): { names: Set<string>; defaults: Map<string, string> } {
  const names = new Set<string>();
  const readInteger = jest.spyOn(EnvReader.prototype, 'integer');
  const env: Env = new Proxy(
    {},
    {
      get: (_, name) => {
        names.add(String(name));
        return undefined;
      },
    },
  );
  // What is required is missing, which is told when all has been read.
  for (const load of loaders) expect(() => load(env)).toThrow('bad setting');
  const integers = readInteger.mock.calls.map(
    ([name, rule]) => [name, String(rule.default)] as const,
  );
  return { names, defaults: new Map(integers) };
}

/** The table of settings: the names of each line, and its column of defaults. */
function documented(): { names: string[]; defaults: string[] }[] {
  const chapter = textOf('services/README.md').split('\n## Settings\n')[1]!.split('\n## ')[0]!;
  return Array.from(chapter.matchAll(/^\| (`[^|]*) \| ([^|]*) \|/gm), ([, first, second]) => ({
    names: Array.from(first!.matchAll(/`([A-Z_]+)`/g), ([, name]) => name!),
    defaults: second!.trim().replaceAll('`', '').split(', '),
  }));
}

it('has every setting that a service reads, and no other', () => {
  const { names } = settings();
  const told = documented().flatMap((line) => line.names);
  const ofThemselves = (all: Iterable<string>): string[] =>
    [...new Set(all)].filter((name) => !ofPeers.test(name)).toSorted();
  expect(ofThemselves(told)).toEqual(ofThemselves(names));
});

it('has the defaults that they have', () => {
  const { defaults } = settings();
  const lines = documented().filter((line) => line.defaults.every((text) => /^[\d.]+$/.test(text)));
  const told = lines.flatMap((line) =>
    line.names.map((name, index) => [name, line.defaults[index] ?? line.defaults[0]]),
  );
  const numbers = told.filter(([name]) => defaults.has(name!));
  expect(numbers.length).toBeGreaterThan(30);
  expect(numbers).toEqual(numbers.map(([name]) => [name, defaults.get(name!)]));
});
