import { writeSync } from 'node:fs';
import type { Command, CommandContext } from '../command.ts';
import type { LoadtestOptions } from '../loadtest-flags.mjs';
import { runCompare } from '../loadtest/run-compare.ts';
import { runLimits } from '../loadtest/run-limits.ts';
import { runScenario } from '../loadtest/run-scenario.ts';

/** `npm run loadtest`. What it does is in loadtest-flags.mjs, in the words of its --help. */
export const run: Command = async (context) => {
  const { loadtest } = context.options;
  if (loadtest === undefined) throw new Error('the command line of loadtest was not read');
  let line: object | undefined;
  const say = (result: object): void => void (line = result);
  const exitCode = await runnerOf(loadtest.scenario)(context, loadtest, say);
  // Last, and after everything has stopped. Past console.log, which --json sends to stderr.
  if (line !== undefined) writeSync(1, `${JSON.stringify(line)}\n`);
  return exitCode;
};

type Runner = (
  context: CommandContext,
  options: LoadtestOptions,
  tell: (line: object) => void,
) => Promise<number>;

function runnerOf(scenario: LoadtestOptions['scenario']): Runner {
  if (scenario === 'limits') return runLimits;
  return scenario === 'compare' ? runCompare : runScenario;
}
