import type { AuditReport } from './audit.ts';
import type { Finding } from './finding.ts';

const maxListed = 50;

/** The offending orders, one line each. */
export function findingTable(findings: readonly Finding[]): string {
  const lines = findings
    .slice(0, maxListed)
    .map(
      ({ kind, orderNo, what }) =>
        `  ${kind.toUpperCase().padEnd(10)}  ${orderNo.padEnd(21)}  ${what}`,
    );
  const rest = findings.length - lines.length;
  return [...lines, ...(rest > 0 ? [`  … and ${rest} more`] : [])].join('\n');
}

export function auditText(report: AuditReport): string {
  const { orders, byStatus, underWay, sales, tickets, copy, findings } = report;
  const copied = copy === undefined ? 'no copy' : `${copy.rows} rows held against the copy`;
  const statuses = Object.entries(byStatus)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([status, count]) => `${count} ${status}`)
    .join(', ');
  const sum = countsOf(findings);
  return (
    `  Whole database: ${orders} orders${statuses === '' ? '' : ` (${statuses})`}, ${tickets} tickets of ${sales} flash sales, ` +
    `${copied}, ${underWay} under way; ` +
    `${sum.lost} lost, ${sum.duplicated} duplicated, ${sum.wrong} contradictions`
  );
}

export function countsOf(findings: readonly Finding[]): Record<Finding['kind'], number> {
  const counts = { lost: 0, duplicated: 0, wrong: 0 };
  for (const { kind } of findings) counts[kind] += 1;
  return counts;
}
