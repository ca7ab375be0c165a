import { existsSync, readFileSync } from 'node:fs';

/** How many things were really tried, and how they went. */
export interface Tally {
  name: string;
  passed: number;
  failed: number;
  skipped: number;
}

/** The part of Jest's `--json` file that is counted. */
interface JestResults {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Test files that could not even be loaded. */
  numRuntimeErrorTestSuites: number;
}

/**
 * Counts one run of Jest by the file it wrote.
 *
 * A run that wrote none, or that failed without a failed test (no test found, a crash), counts as one failure:
 * the sum must not be green because something did not run.
 */
export function tallyOfJest(name: string, resultsPath: string, exitCode: number): Tally {
  const results: JestResults | undefined = existsSync(resultsPath)
    ? (JSON.parse(readFileSync(resultsPath, 'utf8')) as JestResults)
    : undefined;
  const passed = results?.numPassedTests ?? 0;
  const failed = (results?.numFailedTests ?? 0) + (results?.numRuntimeErrorTestSuites ?? 0);
  const skipped = (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0);
  const isUnexplained = failed === 0 && (exitCode !== 0 || results === undefined || passed === 0);
  return { name, passed, failed: isUnexplained ? 1 : failed, skipped };
}

/** Prints one line a part and, last, the line `N passed, N failed`; returns the exit code. */
export function printTallies(tallies: readonly Tally[]): number {
  console.log('');
  for (const { name, passed, failed, skipped } of tallies) {
    const mark = failed === 0 ? '✓' : '✗';
    const further = skipped === 0 ? '' : `, ${skipped} skipped`;
    console.log(`  ${mark} ${name.padEnd(14)} ${passed} passed, ${failed} failed${further}`);
  }
  const sum = (of: 'passed' | 'failed'): number =>
    tallies.reduce((total, tally) => total + tally[of], 0);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
  return sum('failed') === 0 && sum('passed') > 0 ? 0 : 1;
}
