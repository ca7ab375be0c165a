import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from './session.ts';
import { tallyOfJest, type Tally } from './tally.ts';

/** A bound on a run that hangs, several times what a part takes on a busy machine with two cores. */
export const TEST_TIME_LIMIT_MS = 30 * 60_000;

/** Where Jest is to write its results; what an earlier run left there is removed, lest it be counted again. */
export function resultsPathFor(session: Session, name: string): string {
  const dir = join(session.slot.dir, 'test-results');
  mkdirSync(dir, { recursive: true });
  const path = join(dir, `${name}.json`);
  rmSync(path, { force: true });
  return path;
}

/** Runs one of the Jest projects of package.json and counts it. Files one after another, unless `jestArgs` says how many at once. */
export async function runJestProject(
  session: Session,
  root: string,
  project: 'integration' | 'e2e' | 'interop',
  env: Readonly<Record<string, string>> = {},
  jestArgs: readonly string[] = ['--runInBand'],
): Promise<Tally> {
  console.log(`\n— ${project} tests`);
  const resultsPath = resultsPathFor(session, project);
  const exitCode = await session.processes.runToEnd({
    name: project,
    command: process.execPath,
    args: [
      join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
      '--selectProjects',
      project,
      '--json',
      `--outputFile=${resultsPath}`,
      ...jestArgs,
    ],
    env: { ...env, NODE_OPTIONS: '--experimental-vm-modules' },
    cwd: root,
    timeLimitMs: TEST_TIME_LIMIT_MS,
  });
  return tallyOfJest(project, resultsPath, exitCode);
}
