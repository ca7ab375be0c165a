import type { Bench } from './bench.ts';
import type { BrokerName } from './broker-under-test.ts';
import { readCommandLine, UsageError, type BenchOptions } from './command-line.ts';
import type { CaseFigures, LoadFigures } from './figures.ts';
import { LoadProcess } from './generator/load-process.ts';
import { millraceBroker } from './millrace-broker.ts';
import { measureSend } from './measures/send.ts';
import { measureStart } from './measures/start.ts';
import { measureTestkit } from './measures/testkit.ts';
import { measureTimers } from './measures/timers.ts';

/** Of one measure: of a load, by case and broker; of the others, a number by name. */
type Result =
  | Readonly<Record<string, Readonly<Partial<Record<BrokerName, LoadFigures>>>>>
  | Readonly<Record<string, number>>;

interface Measure {
  readonly help: string;
  run(bench: Bench): Promise<Result>;
}

const measures: Readonly<Record<string, Measure>> = {
  send: {
    help: 'single messages: 1 to 256 in flight, 64 connections, 128 B to 16 KiB',
    run: async (bench) => byCase(await measureSend(bench)),
  },
  start: {
    help: 'cold start of `millrace dev` to the first acknowledged message, and its idle memory',
    run: ({ runs, say }) => measureStart(runs, say),
  },
  timers: {
    help: 'a million messages that wait: memory each, start-up with them, how late one is delivered beside them',
    run: ({ runs, say }) => measureTimers(runs, say),
  },
  testkit: {
    help: 'how soon `testBroker()` is ready, and closed',
    run: ({ runs, say }) => measureTestkit(runs, say),
  },
};

const usage = `usage: npm run bench [-- FLAGS]

${Object.entries(measures)
  .map(([name, { help }]) => `  ${name.padEnd(8)} ${help}`)
  .join('\n')}

  --only NAME,…        these measures only
  --match TEXT         of their cases, only those whose name holds TEXT, such as "1KiB 256"
  --seconds N          how long each load is measured; 3 by default
  --flush MODE         sync, async or both, the default: when a message is acknowledged
  --runs N             repeat start, timers and testkit N times and print the median; 7 by default
  --json               print one JSON object on the last line
`;

/**
 * `npm run bench`: measures Millrace on this machine. Returns the exit code: 2 for a command line that makes no sense.
 *
 * Figures are those of a machine that does other things, too: each case says beside its figure what the broker and the
 * generator used of the processors.
 */
export async function runBench(args: readonly string[]): Promise<number> {
  let options: BenchOptions | undefined;
  try {
    options = readCommandLine(args, Object.keys(measures));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return 2;
  }
  if (options === undefined) {
    process.stdout.write(usage);
    return 0;
  }
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  await using load = new LoadProcess();
  const bench: Bench = { ...options, kinds: [millraceBroker], load, say };
  const results: Record<string, Result> = {};
  for (const name of options.measures) {
    say(`— ${name}: ${measures[name]!.help}`);
    results[name] = await measures[name]!.run(bench);
  }
  if (options.json) say(JSON.stringify(results));
  return 0;
}

function byCase(cases: readonly CaseFigures[]): Result {
  return Object.fromEntries(cases.map(({ name, brokers }) => [name, brokers]));
}
