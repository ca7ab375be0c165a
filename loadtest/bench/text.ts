import type { CaseFigures } from './figures.ts';
import { ratioOf, type CaseRatio, type Ratios } from './ratios.ts';

/** One line a broker, and what the two are to each other at the end of the last. */
export function lineOf(each: CaseFigures): string[] {
  const ratio = ratioOf(each);
  const entries = Object.entries(each.brokers);
  return entries.map(([broker, figures], index) => {
    const refused = figures.refused === 0 ? '' : `, ${figures.refused} refused`;
    return (
      `  ${(index === 0 ? each.name : '').padEnd(30)} ${broker.padEnd(8)}` +
      ` ${figures.messages_per_s.toLocaleString('en').padStart(9)}/s` +
      `  p50 ${figures.p50_ms.toFixed(2).padStart(7)}  p99 ${figures.p99_ms.toFixed(2).padStart(8)} ms` +
      `  broker ${figures.broker_cpu_s_per_million.toFixed(1).padStart(6)} CPU s/M` +
      ` ${figures.broker_cores.toFixed(2)} cores ${figures.rss_mb.toFixed(0).padStart(4)} MB` +
      `  generator ${figures.generator_cores.toFixed(2)} cores${refused}` +
      (ratio !== undefined && index === entries.length - 1 ? `  ${ratioText(ratio)}` : '')
    );
  });
}

function ratioText({ rate, p99, cpu }: CaseRatio): string {
  return `× ${rate.toFixed(2)} rate, ${p99.toFixed(2)} p99, ${cpu.toFixed(2)} CPU`;
}

/** All cases on a page, for who did not look while they ran. */
export function tableOf(cases: readonly CaseFigures[]): string {
  const head = [
    '',
    'Millrace/s',
    'RocketMQ/s',
    'ratio',
    'p99 ms',
    'p99 ms',
    'ratio',
    'CPU s/M',
    'CPU s/M',
    'ratio',
  ];
  const rows = cases.map((each) => {
    const { millrace, rocketmq } = each.brokers;
    const ratio = ratioOf(each);
    const number = (value: number | undefined, digits: number): string =>
      value === undefined ? '–' : value.toLocaleString('en', { maximumFractionDigits: digits });
    return [
      `${each.measure} ${each.name}`,
      number(millrace?.messages_per_s, 0),
      number(rocketmq?.messages_per_s, 0),
      number(ratio?.rate, 2),
      number(millrace?.p99_ms, 2),
      number(rocketmq?.p99_ms, 2),
      number(ratio?.p99, 2),
      number(millrace?.broker_cpu_s_per_million, 1),
      number(rocketmq?.broker_cpu_s_per_million, 1),
      number(ratio?.cpu, 2),
    ];
  });
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]!.length)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]! + 2),
        )
        .join(''),
    )
    .join('\n');
}

export function ratiosText(ratios: Ratios): string {
  return Object.entries(ratios)
    .map(([name, value]) => `${name} ${value.toFixed(2)}`)
    .join(', ');
}
