import { rounded, type CaseFigures, type Headline } from './figures.ts';

/** Ours against theirs in one case; above 1 is better in each. */
export interface CaseRatio {
  readonly rate: number;
  readonly p99: number;
  readonly cpu: number;
}

/** Undefined unless both brokers were measured, and both did something. */
export function ratioOf({ brokers }: Pick<CaseFigures, 'brokers'>): CaseRatio | undefined {
  const { millrace, rocketmq } = brokers;
  if (millrace === undefined || rocketmq === undefined) return undefined;
  if (millrace.messages_per_s === 0 || rocketmq.messages_per_s === 0) return undefined;
  return {
    rate: rounded(millrace.messages_per_s / rocketmq.messages_per_s),
    p99: rounded(rocketmq.p99_ms / millrace.p99_ms),
    // Of a CPU time too short for the kernel's clock nothing can be said.
    cpu: rounded(
      rocketmq.broker_cpu_s_per_million / Math.max(millrace.broker_cpu_s_per_million, 0.01),
    ),
  };
}

export type Ratios = Readonly<Partial<Record<Headline | 'cpu', number>>>;

/**
 * The ratios the benchmark is judged by. Each is the lowest among the cases that count towards it; `cpu` is the lowest among
 * those of single sends. One that was not measured is left out.
 */
export function headlineRatios(cases: readonly CaseFigures[]): Ratios {
  const ratios: Partial<Record<Headline | 'cpu', number>> = {};
  const take = (name: Headline | 'cpu', value: number): void => {
    ratios[name] = Math.min(ratios[name] ?? value, value);
  };
  for (const each of cases) {
    const ratio = ratioOf(each);
    if (ratio === undefined || each.headline === undefined) continue;
    take(each.headline, each.headline === 'p99' ? ratio.p99 : ratio.rate);
    if (each.headline === 'send' || each.headline === 'sendSync') take('cpu', ratio.cpu);
  }
  return ratios;
}
