import { join } from 'node:path';
import { readProvenance } from '../report/provenance.ts';
import { writeReport } from '../report/write-report.ts';
import type { Bench } from './bench.ts';
import type { BrokerKind, BrokerName } from './broker-under-test.ts';
import { readCommandLine, UsageError, type BenchOptions } from './command-line.ts';
import type { CaseFigures, LoadFigures } from './figures.ts';
import { LoadProcess } from './generator/load-process.ts';
import type { JavaClients } from './java-clients.ts';
import { millraceBroker } from './millrace-broker.ts';
import { measureBacklog } from './measures/backlog.ts';
import { measureBatch } from './measures/batch.ts';
import { measureConsume } from './measures/consume.ts';
import { measureJava } from './measures/java.ts';
import { measureLatency } from './measures/latency.ts';
import { measureQueues } from './measures/queues.ts';
import { measureSend } from './measures/send.ts';
import { measureStart } from './measures/start.ts';
import { measureTestkit } from './measures/testkit.ts';
import { measureTimers } from './measures/timers.ts';
import { headlineRatios, ratioOf, type CaseRatio } from './ratios.ts';
import { pageOfBench } from './report.ts';
import { ratiosText, tableOf } from './text.ts';

type Numbers = Readonly<Record<string, number>>;

interface Measure {
  readonly help: string;
  readonly needsVersus?: boolean;
  /** Cases are held against the other broker; numbers stand for themselves. */
  run(bench: Bench): Promise<CaseFigures[] | Numbers>;
}

const measures: Readonly<Record<string, Measure>> = {
  send: {
    help: 'single messages: 1 to 256 in flight, 64 connections with one each, 128 B to 16 KiB',
    run: measureSend,
  },
  batch: { help: 'batches: 16 and 128 of 128 B, 16 of 1 KiB', run: measureBatch },
  consume: {
    help: 'pulls: of the newest messages (hot), and of 100 times what is kept in memory (cold)',
    run: measureConsume,
  },
  latency: {
    help: 'from when a message is due to its consumer: 1k and 10k a second, half of the peak',
    run: measureLatency,
  },
  queues: { help: 'sends to 1, 1,000 and 10,000 queues', run: measureQueues },
  backlog: { help: 'sends and pulls with 10 million messages waiting', run: measureBacklog },
  start: {
    help: 'start to the first acknowledged message, empty and with a large store; idle memory',
    run: measureStart,
  },
  timers: {
    help: 'a million messages that wait: memory, start-up with them, how late one is beside them',
    run: ({ runs, say }) => measureTimers(runs, say),
  },
  testkit: {
    help: 'how soon `testBroker()` is ready, and closed',
    run: ({ runs, say }) => measureTestkit(runs, say),
  },
  java: {
    help: "with --vs only: Apache RocketMQ's own benchmark Producer and Consumer on both brokers",
    needsVersus: true,
    run: measureJava,
  },
};

const usage = `usage: npm run bench [-- FLAGS]

${Object.entries(measures)
  .map(([name, { help }]) => `  ${name.padEnd(8)} ${help}`)
  .join('\n')}

  --only NAME,…   these measures only
  --match TEXT    of their cases, only those whose name holds TEXT, such as "1KiB 256"
  --vs rocketmq   measure Apache RocketMQ's broker in turn, too, and print the ratios; needs a JDK and Maven
  --seconds N     how long each load is measured, those of java aside; 2 by default
  --flush MODE    when a message is acknowledged: sync, async or both, the default
  --runs N        repeat start, timers and testkit N times and take the median; 7 by default
  --store-gb N    how large the store is that start starts on; 10 by default
  --json          print one JSON object on the last line

Ratios are ours to theirs for rates, theirs to ours for latencies and CPU time: above 1 is better in each. Of several cases
the lowest counts. A report with plots is written to loadtest/reports/.
`;

/** What only who starts the benchmark knows. */
export interface BenchSurroundings {
  /** The folder of the clone. */
  readonly root: string;
  /** Fetches Apache RocketMQ when it is wanted. */
  readonly rocketmq: () => Promise<{ kind: BrokerKind; java: JavaClients }>;
}

/**
 * `npm run bench`: measures Millrace on this machine. Returns the exit code: 2 for a command line that makes no sense.
 *
 * Figures are those of a machine that does other things, too: each case says beside its figure what the broker and the
 * generator used of the processors.
 */
export async function runBench(
  args: readonly string[],
  { root, rocketmq }: BenchSurroundings,
): Promise<number> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const options = optionsOf(args);
  if (typeof options === 'number') return options;
  const provenance = readProvenance(root, `npm run bench -- ${args.join(' ')}`.trimEnd());
  const other = options.isVersus ? await rocketmq() : undefined;
  await using load = new LoadProcess();
  const bench: Bench = {
    ...options,
    kinds: other === undefined ? [millraceBroker] : [millraceBroker, other.kind],
    java: other?.java,
    load,
    say,
  };
  const cases: CaseFigures[] = [];
  const numbers: Record<string, Numbers> = {};
  const startedAt = performance.now();
  for (const [index, name] of options.measures.entries()) {
    const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
    say(
      `— ${name} (${index + 1} of ${options.measures.length}, after ${minutes} min): ${measures[name]!.help}`,
    );
    const found = await measures[name]!.run(bench);
    if (Array.isArray(found)) cases.push(...found);
    else numbers[name] = found;
  }
  const ratios = headlineRatios(cases);
  if (cases.length > 0) say(`\n${tableOf(cases)}`);
  if (options.isVersus) say(`\nratios: ${ratiosText(ratios)}`);
  const report = await writeReport(pageOfBench({ provenance, cases, numbers, ratios }), {
    directory: join(root, 'loadtest', 'reports'),
    scenario: 'bench',
    date: provenance.date,
  });
  say(`report: ${report}`);
  if (options.json) {
    const line = {
      ...byMeasure(cases),
      ...numbers,
      ...(options.isVersus ? { ratio: ratios } : {}),
    };
    say(JSON.stringify(line));
  }
  return 0;
}

/** An exit code when there is nothing to do. */
function optionsOf(args: readonly string[]): BenchOptions | number {
  const known = Object.entries(measures).map(([name, { needsVersus = false }]) => ({
    name,
    needsVersus,
  }));
  try {
    const options = readCommandLine(args, known);
    if (options !== undefined) return options;
    process.stdout.write(usage);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return 2;
  }
}

type CaseLine = Partial<Record<BrokerName, LoadFigures>> & { ratio?: CaseRatio };

function byMeasure(cases: readonly CaseFigures[]): Record<string, Record<string, CaseLine>> {
  const all: Record<string, Record<string, CaseLine>> = {};
  for (const each of cases) {
    const ratio = ratioOf(each);
    (all[each.measure] ??= {})[each.name] = {
      ...each.brokers,
      ...(ratio === undefined ? {} : { ratio }),
    };
  }
  return all;
}
