/** What something was at a moment. Units: seconds since the load began, below 0 before it. */
export interface Point {
  readonly atS: number;
  readonly value: number;
}

/**
 * By how much a growing count grew in each second [n, n+1) from the load's begin to the last point; in between points,
 * evenly. Before the first point nothing is known to have grown.
 */
export function growthPerSecond(points: readonly Point[]): number[] {
  const last = points.at(-1);
  if (last === undefined) return [];
  const growth: number[] = [];
  let before = valueAt(points, 0);
  for (let second = 1; second <= Math.ceil(last.atS); second += 1) {
    const value = valueAt(points, second);
    growth.push(value - before);
    before = value;
  }
  return growth;
}

/** The value in each second, that of the last point in it or before it; undefined before the first. */
export function valuePerSecond(points: readonly Point[]): (number | undefined)[] {
  const last = points.at(-1);
  if (last === undefined) return [];
  const values: (number | undefined)[] = [];
  let index = 0;
  let value: number | undefined;
  for (let second = 0; second <= Math.floor(last.atS); second += 1) {
    for (; index < points.length && points[index]!.atS < second + 1; index += 1) {
      value = points[index]!.value;
    }
    values.push(value);
  }
  return values;
}

/**
 * How fast a count grew while it grew: from the last point at which it was as low as at the first, to the first at which
 * it was as high as at the last. 0 when it did not grow. No finer than the points are.
 */
export function plateauPerS(points: readonly Point[]): number {
  const low = points[0]?.value ?? 0;
  const high = points.at(-1)?.value ?? 0;
  const from = points.findLast(({ value }) => value === low);
  const to = points.find(({ value }) => value === high);
  if (from === undefined || to === undefined || to.atS <= from.atS) return 0;
  return (high - low) / (to.atS - from.atS);
}

/** Linear between points; the first value before the first, the last after the last. */
function valueAt(points: readonly Point[], atS: number): number {
  const next = points.findIndex((point) => point.atS >= atS);
  if (next < 0) return points.at(-1)!.value;
  if (next === 0) return points[0]!.value;
  const from = points[next - 1]!;
  const to = points[next]!;
  return from.value + ((to.value - from.value) * (atS - from.atS)) / (to.atS - from.atS);
}
