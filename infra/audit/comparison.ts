import type { Say } from './finding.ts';
import type { Quantities } from './order-facts.ts';

/** Says each that is missing, and each that is too many. */
export function count(found: number, wanted: number, what: string, say: Say): void {
  for (let missing = found; missing < wanted; missing += 1) say('lost', what);
  for (let surplus = found; surplus > wanted; surplus -= 1) say('duplicated', what);
}

/** Says of each sku how much is missing, or too much. */
export function compare(found: Quantities, wanted: Quantities, what: string, say: Say): void {
  for (const sku of new Set([...found.keys(), ...wanted.keys()])) {
    const have = found.get(sku) ?? 0;
    const need = wanted.get(sku) ?? 0;
    if (have < need) say('lost', `${what} ${need - have} × ${sku}`);
    if (have > need) say('duplicated', `${what} ${have - need} × ${sku}`);
  }
}

export function isSame(a: Quantities, b: Quantities): boolean {
  return a.size === b.size && [...a].every(([sku, quantity]) => b.get(sku) === quantity);
}

export function sumOf(all: readonly Quantities[]): Quantities {
  const sums = new Map<string, number>();
  for (const [sku, quantity] of all.flatMap((each) => [...each])) {
    sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  }
  return sums;
}

/** What is left of `a`; what is nothing is not in it. */
export function less(a: Quantities, b: Quantities): Quantities {
  return new Map(
    [...a]
      .map(([sku, quantity]) => [sku, quantity - (b.get(sku) ?? 0)] as const)
      .filter(([, quantity]) => quantity !== 0),
  );
}
