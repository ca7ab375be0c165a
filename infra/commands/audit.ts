import { Audit } from '../audit/audit.ts';
import { auditText, countsOf, findingTable } from '../audit/report.ts';
import type { Command } from '../command.ts';
import { prepareDatabases, startDatabases } from '../databases/databases.ts';
import { thisMachine } from '../databases/machine.ts';
import { runningDatabases } from '../endpoints.ts';
import { runSession } from '../session.ts';

/** `npm run audit`: what the databases alone say of every order there is. */
export const run: Command = async (context) => {
  const { options } = context;
  const running = runningDatabases(context.slotsInUse());
  const given = process.env['DATABASE_URL'] || running?.databaseUrl;
  if (given !== undefined) return judgeAll(given, options);
  // Of a demo that has ended: its data is where it was.
  return runSession(context, async (session) => {
    const sources = await prepareDatabases(thisMachine, session);
    const { databaseUrl } = await startDatabases(thisMachine, session, sources);
    return judgeAll(databaseUrl, options);
  });
};

/** A copy is behind its source by what is under way. */
const copyMs = 10_000;

async function judgeAll(
  databaseUrl: string,
  {
    graceMs = 60_000,
    openMs = 35 * 60_000,
  }: { graceMs?: number | undefined; openMs?: number | undefined },
): Promise<number> {
  const audit = await Audit.open(databaseUrl);
  try {
    const missing = await audit.missingSchemas();
    if (missing.length > 0) {
      console.error(
        `There is nothing to audit: ${missing.join(', ')} not there. npm run demo makes them.`,
      );
      return 2;
    }
    const report = await audit.ofAll({ graceMs, openMs, copyMs });
    console.log(`\n${auditText(report)}`);
    if (report.findings.length > 0) console.log(findingTable(report.findings));
    const { orders, byStatus, underWay, sales, tickets, copy, findings } = report;
    const offending = [...new Set(findings.map(({ orderNo }) => orderNo))];
    console.log(
      JSON.stringify({
        orders,
        ...byStatus,
        under_way: underWay,
        sales,
        tickets,
        copied_rows: copy?.rows ?? 0,
        ...countsOf(findings),
        offending,
      }),
    );
    return findings.length === 0 ? 0 : 1;
  } finally {
    await audit.close();
  }
}
