import { randomBytes } from 'node:crypto';
import { join, relative } from 'node:path';
import {
  compareModule,
  factsOf,
  figuresOfPair,
  judge,
  readProvenance,
  sectionOfPair,
  timesBetter,
  verdictText,
  withoutQueue,
  withQueue,
  writeReport,
  type Flags,
  type LoadResult,
  type Pair,
  type Verdict,
} from '@millrace/loadtest';
import { auditText, findingTable } from '../audit/report.ts';
import type { AuditReport } from '../audit/audit.ts';
import type { CommandContext } from '../command.ts';
import type { LoadtestOptions } from '../loadtest-flags.mjs';
import { runSession } from '../session.ts';
import { envOf, flagsOf } from './flags.ts';
import { runOnShop } from './load-run.ts';
import { auditShop } from './rest.ts';
import { RunningShop, startGround, type Ground } from './running-shop.ts';
import { SynchronousShop } from './synchronous-shop.ts';

/** How often the third parties answer 500 instead of doing what they are asked. */
const errorRates = [
  { name: 'Third parties at 200 ms', errorRate: 0 },
  { name: 'Third parties at 200 ms, failing 20 %', errorRate: 0.2 },
] as const;

const thirdParties = { CHANNEL_LATENCY_MS: '200', CARRIER_LATENCY_MS: '200' };

const thresholds = {
  'with_queue.p99_ms': '<= 20',
  times_better: '>= 20',
  'with_queue.errors': '== 0',
  'failing.with_queue.errors': '== 0',
  lost: '== 0',
  duplicated: '== 0',
};

/** `npm run loadtest -- compare`: the same checkout without the queue, then with it; both again with third parties that fail. */
export function runCompare(
  context: CommandContext,
  typed: LoadtestOptions,
  tell: (line: object) => void,
): Promise<number> {
  const { root } = context;
  const flags = flagsOf(withQueue, typed);
  const command = `npm run loadtest -- ${context.options.args.join(' ')}`;
  return runSession(context, async (session) => {
    const ground = await startGround(session, root);
    console.log(
      `  compare: ${flags.ratePerS} checkouts a second for ${flags.durationS} s, four times. Seed: ${flags.seed}`,
    );
    const without = await runWithout(ground, flags);
    const { results, lost, duplicated, audit } = await runWith(ground, flags);
    const pairs = errorRates.map(({ name }, index): Pair => {
      return { name, withQueue: results[index]!, withoutQueue: without[index]! };
    });
    const [usual, failing] = pairs.map((pair) => figuresOfPair(pair));
    const figures = {
      'with_queue.p99_ms': usual!.with_queue.p99_ms,
      times_better: timesBetter(pairs[0]!),
      'with_queue.errors': usual!.with_queue.errors,
      'failing.with_queue.errors': failing!.with_queue.errors,
      lost,
      duplicated,
    };
    const verdicts = judge(figures, thresholds);
    const isGood = verdicts.every(({ isMet }) => isMet) && audit.findings.length === 0;
    const path = await report({ root, command, flags, pairs, verdicts, audit, isGood });
    for (const pair of pairs) console.log(`\n${pairTable(pair)}`);
    console.log(`\n${auditText(audit)}`);
    if (audit.findings.length > 0) console.log(findingTable(audit.findings));
    for (const each of verdicts) console.log(`  ${each.isMet ? '✓' : '✗'} ${verdictText(each)}`);
    console.log(`\n  Report: ${relative(process.cwd(), path)}\n`);
    tell({ ...usual, third_parties_failing: failing });
    return isGood ? 0 : 1;
  });
}

/** Only what it needs runs beside it: the database and the third party. */
async function runWithout(ground: Ground, flags: Flags): Promise<LoadResult[]> {
  const { session, root, databases } = ground;
  const channelSecret = randomBytes(24).toString('hex');
  const env = envOf({}, flags, undefined);
  const thirdParty = {
    ...env['third-party'],
    ...thirdParties,
    CHANNEL_SECRET: channelSecret,
    // The shop's audit holds the third party's books against its own.
    DATABASE_SCHEMA: 'millrace_synchronous_third_party',
  };
  await using shop = await RunningShop.start(ground, { 'third-party': thirdParty }, [
    'third-party',
  ]);
  await using synchronous = await SynchronousShop.start(session, root, {
    databaseUrl: databases.databaseUrl,
    thirdPartyUrl: shop.services.urls['third-party'],
    channelSecret,
  });
  const results: LoadResult[] = [];
  for (const { errorRate } of errorRates) {
    await beFailing(shop, errorRate);
    const urls = { synchronous: synchronous.url };
    const how = { module: compareModule, scenario: withoutQueue, flags, urls };
    results.push((await runOnShop(shop, how)).result);
  }
  return results;
}

async function runWith(
  ground: Ground,
  flags: Flags,
): Promise<{ results: LoadResult[]; lost: number; duplicated: number; audit: AuditReport }> {
  const env = envOf({}, flags, undefined);
  const thirdParty = { ...env['third-party'], ...thirdParties };
  await using shop = await RunningShop.start(ground, { ...env, 'third-party': thirdParty });
  const results: LoadResult[] = [];
  let lost = 0;
  let duplicated = 0;
  for (const { errorRate } of errorRates) {
    await beFailing(shop, errorRate);
    const run = await runOnShop(shop, { module: compareModule, scenario: withQueue, flags });
    await beFailing(shop, 0);
    const { kept } = run.result;
    const proof = await withQueue.prove(shop.stage(), kept, run.ground, flags);
    lost += proof.lost;
    duplicated += proof.duplicated;
    results.push(run.result);
  }
  const audit = await auditShop(ground.session, ground.databases, {});
  return { results, lost, duplicated, audit };
}

async function beFailing(shop: RunningShop, errorRate: number): Promise<void> {
  const behaviour = { channel: { errorRate }, carrier: { errorRate } };
  await shop.stage().call('PUT', 'third-party', '/behaviour', behaviour);
}

function report(run: {
  root: string;
  command: string;
  flags: Flags;
  pairs: readonly Pair[];
  verdicts: readonly Verdict[];
  audit: AuditReport;
  isGood: boolean;
}): Promise<string> {
  const { root, command, flags, pairs, verdicts, audit, isGood } = run;
  const missed = verdicts.filter(({ isMet }) => !isMet).map((each) => verdictText(each));
  const page = {
    title: 'The checkout with the queue and without it',
    verdict: {
      text:
        missed.length === 0
          ? `Customers wait ${timesBetter(pairs[0]!)} times as long without the queue`
          : missed.join('; '),
      isGood,
    },
    facts: [
      ...factsOf(readProvenance(root, command)),
      [
        'arrivals',
        `${flags.ratePerS} a second for ${flags.durationS} s, seed ${flags.seed}`,
      ] as const,
      ['behind all others, with the queue', (withQueue.mayWait ?? []).join(', ')] as const,
      ['audit of the shop', auditText(audit).trim()] as const,
    ],
    sections: pairs.map((pair) => sectionOfPair(pair)),
  };
  const directory = join(root, 'loadtest', 'reports');
  return writeReport(page, { directory, scenario: 'compare', date: new Date() });
}

function pairTable(pair: Pair): string {
  const { with_queue, without_queue } = figuresOfPair(pair);
  const row = (name: string, figures: typeof with_queue): string =>
    `    ${name.padEnd(16)}p50 ${ms(figures.p50_ms)}   p99 ${ms(figures.p99_ms)}   ` +
    `${String(figures.errors).padStart(6)} failed   ${figures.per_s.toFixed(1).padStart(7)} a second`;
  return [
    `  ${pair.name}:`,
    row('with the queue', with_queue),
    row('without it', without_queue),
  ].join('\n');
}

function ms(value: number): string {
  return `${value.toFixed(1).padStart(8)} ms`;
}
