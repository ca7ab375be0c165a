import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { printTallies, tallyOfJest } from '../../infra/tally.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-tally-'));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(dir, { recursive: true });
});

async function resultsFile(results: Partial<Record<string, number>>): Promise<string> {
  const path = join(dir, 'results.json');
  const none = {
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    numRuntimeErrorTestSuites: 0,
  };
  await writeFile(path, JSON.stringify({ ...none, ...results }));
  return path;
}

describe('tallyOfJest', () => {
  it('counts tests, and test files that could not be loaded', async () => {
    const path = await resultsFile({
      numPassedTests: 5,
      numFailedTests: 2,
      numPendingTests: 1,
      numRuntimeErrorTestSuites: 1,
    });
    expect(tallyOfJest('unit', path, 1)).toEqual({
      name: 'unit',
      passed: 5,
      failed: 3,
      skipped: 1,
    });
  });

  it('is not green when Jest wrote nothing', () => {
    expect(tallyOfJest('unit', join(dir, 'none.json'), 0)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('is not green when no test ran', async () => {
    expect(tallyOfJest('unit', await resultsFile({}), 0)).toMatchObject({ failed: 1 });
  });

  it('is not green when Jest failed without a failed test', async () => {
    const path = await resultsFile({ numPassedTests: 5 });
    expect(tallyOfJest('unit', path, 1)).toMatchObject({ passed: 5, failed: 1 });
  });
});

describe('printTallies', () => {
  it.each([
    { failed: 0, exitCode: 0, last: '7 passed, 0 failed' },
    { failed: 2, exitCode: 1, last: '7 passed, 2 failed' },
  ])('ends with the line "$last" and exit code $exitCode', ({ failed, exitCode, last }) => {
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    const tallies = [
      { name: 'types', passed: 1, failed: 0, skipped: 0 },
      { name: 'unit', passed: 6, failed, skipped: 0 },
    ];
    expect(printTallies(tallies)).toBe(exitCode);
    expect(String(log.mock.calls.at(-1)?.[0]).trim()).toBe(last);
  });
});
