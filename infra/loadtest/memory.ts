import { memoryGrowth, warmUpOf, type MemoryGrowth, type Samples } from '@millrace/loadtest';

/** What grows with what it is given to keep, and is bounded by settings of its own; the generators are not the system. */
const isKeeper = (name: string): boolean => /^(mariadb|redis|generator)/.test(name);

export interface ProcessGrowth extends MemoryGrowth {
  name: string;
  /** Of the shop and its broker: what the threshold is about. */
  isJudged: boolean;
}

/** How each process' memory went while the load lasted, the one that grew most first. */
export function growthOf(samples: Samples, durationS: number): ProcessGrowth[] {
  const growths: ProcessGrowth[] = [];
  for (const [name, { rssBytes }] of Object.entries(samples.processes)) {
    const during = rssBytes
      .filter(({ atS }) => atS <= durationS)
      .map(({ atS, value }) => ({ atS, rssBytes: value }));
    const growth = memoryGrowth(during, warmUpOf(durationS));
    if (growth !== undefined) growths.push({ ...growth, name, isJudged: !isKeeper(name) });
  }
  return growths.sort((a, b) => b.percent - a.percent);
}

/** The most that any judged process grew, in percent; undefined when the load was too short to tell. */
export function worstGrowth(growths: readonly ProcessGrowth[]): number | undefined {
  const judged = growths.filter(({ isJudged }) => isJudged).map(({ percent }) => percent);
  return judged.length === 0 ? undefined : Math.max(...judged);
}

/** A line for each process: `order   112.4 MB to 113.0 MB   +0.5 %`. */
export function growthTable(growths: readonly ProcessGrowth[]): string {
  const width = Math.max(...growths.map(({ name }) => name.length));
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`.padStart(10);
  return growths
    .map(({ name, fromBytes, toBytes, percent, isJudged }) => {
      const sign = percent >= 0 ? '+' : '';
      const note = isJudged ? '' : '   (not judged)';
      return `    ${name.padEnd(width)}${mb(fromBytes)} to${mb(toBytes)}   ${sign}${percent.toFixed(1)} %${note}`;
    })
    .join('\n');
}
