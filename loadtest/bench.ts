/**
 * `npm run bench`: measures Millrace on this machine.
 *
 *     npm run bench -- --only start [--runs 7] [--json]
 *
 * Figures are medians; machines are noisy, so each measure prints beside it a yardstick taken in the same run.
 */
import { parseArgs } from 'node:util';
import { measureStart } from './start.ts';
import { measureTimers } from './timers.ts';
import { measureTestkit } from './testkit.ts';

interface Measure {
  readonly help: string;
  run(runs: number, say: (line: string) => void): Promise<Record<string, number>>;
}

const measures: Readonly<Record<string, Measure>> = {
  start: {
    help: 'cold start of `millrace dev` to the first acknowledged message, and its idle memory',
    run: measureStart,
  },
  timers: {
    help: 'a million messages that wait: memory each, start-up with them, how late one is delivered beside them',
    run: measureTimers,
  },
  testkit: {
    help: 'how soon `testBroker()` is ready, and closed',
    run: measureTestkit,
  },
};

const usage = `usage: npm run bench -- [--only NAME,…] [--runs N] [--json]

${Object.entries(measures)
  .map(([name, { help }]) => `  ${name.padEnd(8)} ${help}`)
  .join('\n')}

  --runs N   repeat each measure N times and print the median (default 7)
  --json     print one JSON object on the last line
`;

class UsageError extends Error {}

function readCommandLine(): { names: string[]; runs: number; json: boolean } {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      runs: { type: 'string', default: '7' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) throw new UsageError('');
  const names = values.only?.split(',') ?? Object.keys(measures);
  const unknown = names.filter((name) => !Object.hasOwn(measures, name));
  if (unknown.length > 0) throw new UsageError(`no such measure: ${unknown.join(', ')}`);
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1 || runs > 1000) {
    throw new UsageError(`--runs is ${values.runs}, not an integer in 1..1000`);
  }
  return { names, runs, json: values.json };
}

async function main(): Promise<void> {
  const { names, runs, json } = readCommandLine();
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const results: Record<string, Record<string, number>> = {};
  for (const name of names) results[name] = await measures[name]!.run(runs, say);
  if (json) say(JSON.stringify(results));
}

try {
  await main();
} catch (error) {
  // parseArgs reports a wrong flag as a TypeError with a code of this family.
  const isBadFlag =
    error instanceof TypeError &&
    String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
  if (!(error instanceof UsageError) && !isBadFlag) throw error;
  const asked = error.message === '';
  (asked ? process.stdout : process.stderr).write(asked ? usage : `${error.message}\n\n${usage}`);
  process.exitCode = asked ? 0 : 2;
}
