/** A stretch of time in which visitors come, evenly, at a rate that is the same all the time or changes evenly. */
export interface ArrivalStage {
  readonly fromPerS: number;
  readonly toPerS: number;
  readonly durationS: number;
}

/** As many visitors each second, whatever becomes of those who came before. */
export function constantArrivalRate(stage: {
  ratePerS: number;
  durationS: number;
}): ArrivalStage[] {
  return [{ fromPerS: stage.ratePerS, toPerS: stage.ratePerS, durationS: stage.durationS }];
}

/** From one rate to the next, each reached at the end of its stage. */
export function rampingArrivalRate(ramp: {
  startPerS: number;
  stages: readonly { targetPerS: number; durationS: number }[];
}): ArrivalStage[] {
  let fromPerS = ramp.startPerS;
  return ramp.stages.map(({ targetPerS, durationS }) => {
    const stage = { fromPerS, toPerS: targetPerS, durationS };
    fromPerS = targetPerS;
    return stage;
  });
}

/** A day of the load tests, and what a report can show. */
const maxDurationS = 86_400;
/** More than any process here sends, and few enough that sums of them are exact. */
const maxRatePerS = 1_000_000;

/**
 * When each visitor is due.
 *
 * Units:  seconds from the start, as fractions; visitors from 0. The number of visitors until a time is the area under
 *         the rates, rounded: `n` is due when it reaches n + ½, so that a constant rate has no visitor at either edge.
 * Errors: a RangeError naming the stage and the number that is out of bounds.
 */
export class ArrivalSchedule {
  readonly count: number;
  readonly durationS: number;
  readonly #stages: readonly (ArrivalStage & { startS: number; startCount: number })[];

  constructor(stages: readonly ArrivalStage[]) {
    let startS = 0;
    let startCount = 0;
    this.#stages = stages.map((stage, index) => {
      checkStage(stage, index);
      const placed = { ...stage, startS, startCount };
      startS += stage.durationS;
      startCount += ((stage.fromPerS + stage.toPerS) / 2) * stage.durationS;
      return placed;
    });
    this.durationS = startS;
    // A sum of stages that means a whole number may miss it by the last bit.
    this.count = Math.round(startCount);
  }

  dueS(visitor: number): number {
    const area = visitor + 0.5;
    for (let index = this.#stages.length - 1; index >= 0; index -= 1) {
      const stage = this.#stages[index]!;
      if (area > stage.startCount || index === 0) {
        return stage.startS + timeToArea(stage, area - stage.startCount);
      }
    }
    throw new RangeError(`visitor ${visitor} of a schedule without stages`);
  }

  /** How many are due before a time. */
  countUntil(untilS: number): number {
    let area = 0;
    for (const { fromPerS, toPerS, durationS, startS } of this.#stages) {
      const withinS = Math.min(Math.max(untilS - startS, 0), durationS);
      area += withinS * (fromPerS + ((toPerS - fromPerS) / durationS) * (withinS / 2));
    }
    return Math.max(0, Math.min(Math.ceil(area - 0.5), this.count));
  }
}

/** How long into the stage until so many have come: the area of a trapezoid, solved for its width. */
function timeToArea({ fromPerS, toPerS, durationS }: ArrivalStage, area: number): number {
  const slope = (toPerS - fromPerS) / durationS;
  if (slope === 0) return Math.min(area / fromPerS, durationS);
  // Written so that nothing cancels out when the slope is small; below zero only by rounding, at the end of a falling ramp.
  const root = Math.sqrt(Math.max(0, fromPerS * fromPerS + 2 * slope * area));
  return Math.min((2 * area) / (fromPerS + root), durationS);
}

function checkStage({ fromPerS, toPerS, durationS }: ArrivalStage, index: number): void {
  if (!(durationS > 0 && durationS <= maxDurationS)) {
    throw new RangeError(
      `stages[${index}].durationS is ${durationS}, it must be above 0 and at most ${maxDurationS}`,
    );
  }
  for (const [field, rate] of Object.entries({ fromPerS, toPerS })) {
    if (!(rate >= 0 && rate <= maxRatePerS)) {
      throw new RangeError(`stages[${index}].${field} is ${rate}, it must be 0 to ${maxRatePerS}`);
    }
  }
}
