import { join, relative } from 'node:path';
import {
  figuresOf,
  judge,
  lineOf,
  pageOfRun,
  plateauPerS,
  readProvenance,
  scenarios,
  scenariosModule,
  verdictText,
  writeReport,
  type Flags,
  type Proof,
  type Scenario,
  type Verdict,
} from '@millrace/loadtest';
import type { AuditReport } from '../audit/audit.ts';
import { auditText, countsOf, findingTable } from '../audit/report.ts';
import type { CommandContext } from '../command.ts';
import type { LoadtestOptions } from '../loadtest-flags.mjs';
import { runSession } from '../session.ts';
import { envOf, flagsOf, gatesOf } from './flags.ts';
import { PERSISTED, runOnShop, type LoadRun } from './load-run.ts';
import { growthOf, growthTable, worstGrowth } from './memory.ts';
import { auditShop } from './rest.ts';
import { RunningShop, startGround } from './running-shop.ts';

/** Memory that grows is told of where it is judged: a short load says nothing of it. */
const GROWTH = 'rss_growth_percent';

/** `npm run loadtest -- SCENARIO`, for those that are a load on the whole shop. */
export function runScenario(
  context: CommandContext,
  typed: LoadtestOptions,
  tell: (line: object) => void,
): Promise<number> {
  const { root } = context;
  const scenario = scenarios[typed.scenario];
  if (scenario === undefined) throw new Error(`loadtest/scenarios has no ${typed.scenario}`);
  const flags = flagsOf(scenario, typed);
  const command = `npm run loadtest -- ${context.options.args.join(' ')}`;
  return runSession(context, async (session) => {
    const gates = gatesOf(scenario, typed);
    const ground = await startGround(session, root);
    const env = envOf(scenario, flags, gates);
    await using shop = await RunningShop.start(ground, env);
    const { ratePerS, durationS, stock, seed } = flags;
    console.log(
      `  ${scenario.name}: ${ratePerS} a second for ${durationS} s${stock > 0 ? `, stock ${stock}` : ''}. Seed: ${seed}`,
    );
    const run = await runOnShop(shop, { module: scenariosModule, scenario, flags });
    const audit = await auditShop(session, ground.databases, env);
    const { result, samples, isDrained } = run;
    const proof = await proofOf(scenario, { shop, run, flags, audit });
    const growths = growthOf(samples, durationS);
    const growth = worstGrowth(growths);
    const figures = {
      ...figuresOf({
        result,
        proof,
        ratePerS,
        persistedPerS: plateauPerS(samples.counts[PERSISTED] ?? []),
      }),
      ...(growth === undefined ? {} : { [GROWTH]: Math.round(growth * 10) / 10 }),
    };
    const thresholds = scenario.thresholds(flags);
    const verdicts = judge(figures, thresholds);
    const isGrowthJudged = thresholds[GROWTH] !== undefined;
    const isAuditGood = audit.findings.length === 0;
    const report = await writeReport(
      pageOfRun({
        scenario: scenario.name,
        about: scenario.about,
        result,
        figures,
        verdicts,
        samples,
        provenance: readProvenance(root, command),
        facts: factsOf(scenario, flags, gates),
        audit: { text: auditText(audit).trim(), isGood: isAuditGood },
      }),
      { directory: join(root, 'loadtest', 'reports'), scenario: scenario.name, date: new Date() },
    );
    if (isGrowthJudged) console.log(`\n${growthTable(growths)}`);
    printOutcome({ verdicts, audit, isDrained, run });
    console.log(`\n  Report: ${relative(process.cwd(), report)}\n`);
    tell(lineOf(figures, isGrowthJudged ? pick(figures, GROWTH) : {}));
    const isGood = isDrained && isAuditGood && verdicts.every(({ isMet }) => isMet);
    return isGood ? 0 : 1;
  });
}

/** What the databases say of what was promised in this run, and of everything that is in them. */
async function proofOf(
  scenario: Scenario,
  {
    shop,
    run,
    flags,
    audit,
  }: { shop: RunningShop; run: LoadRun; flags: Flags; audit: AuditReport },
): Promise<Proof> {
  const proof = await scenario.prove(shop.stage(), run.result.kept, run.ground, flags);
  const { lost, duplicated } = countsOf(audit.findings);
  return { ...proof, lost: proof.lost + lost, duplicated: proof.duplicated + duplicated };
}

function printOutcome(outcome: {
  verdicts: readonly Verdict[];
  audit: AuditReport;
  isDrained: boolean;
  run: LoadRun;
}): void {
  const { verdicts, audit, isDrained, run } = outcome;
  const { errors } = run.result;
  console.log(`\n${auditText(audit)}`);
  if (audit.findings.length > 0) console.log(findingTable(audit.findings));
  for (const verdict of verdicts) {
    console.log(`  ${verdict.isMet ? '✓' : '✗'} ${verdictText(verdict)}`);
  }
  const kinds = Object.entries(errors).map(([kind, count]) => `${count} ${kind}`);
  if (kinds.length > 0) console.log(`  errors: ${kinds.join(', ')}`);
  if (!isDrained) console.log('  ✗ messages still waited when no more time was given');
  const { lost, duplicated, wrong } = countsOf(audit.findings);
  if (lost + duplicated + wrong > 0) console.log('  ✗ the audit has findings');
}

function factsOf(
  { mayWait = [] }: Pick<Scenario, 'mayWait'>,
  { ratePerS, durationS, stock, seed }: Flags,
  gates: number | undefined,
): [string, string][] {
  return [
    ['arrivals', `${ratePerS} a second at most, for ${durationS} s, seed ${seed}`],
    ...(stock > 0 ? ([['stock', stock.toLocaleString('en')]] as [string, string][]) : []),
    ...(gates === undefined ? [] : ([['gate processes', String(gates)]] as [string, string][])),
    ...(mayWait.length === 0
      ? []
      : ([['behind all others', mayWait.join(', ')]] as [string, string][])),
    ['settings', 'broker SYNC_FLUSH, MariaDB flushes each commit, services log warnings only'],
  ];
}

function pick(figures: Readonly<Record<string, number>>, name: string): Record<string, number> {
  const value = figures[name];
  return value === undefined ? {} : { [name]: value };
}
