import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from '../command.ts';
import { prepareDatabases, startDatabases } from '../databases/databases.ts';
import { thisMachine } from '../databases/machine.ts';
import { resultsPathFor, runJestProject, TEST_TIME_LIMIT_MS } from '../jest.ts';
import { runSession, type Session } from '../session.ts';
import { printTallies, tallyOfJest, type Tally } from '../tally.ts';

/** `npm test`: everything that needs no other language, or the parts named. A part that fails does not keep the next from running. */
export const run: Command = (context) =>
  runSession(context, async (session) => {
    const { args } = context.options;
    const isWanted = (part: string): boolean => args.length === 0 || args.includes(part);
    const tallies: Tally[] = [];
    if (isWanted('check')) tallies.push(...(await runCheck(session, context.root)));
    if (isWanted('integration')) tallies.push(await runIntegration(session, context.root));
    // The demo finds its own databases, as it does for everybody.
    if (isWanted('e2e')) tallies.push(await runJestProject(session, context.root, 'e2e'));
    return printTallies(tallies);
  });

/** The steps of `npm run check`, each on its own, so that each is counted. */
async function runCheck(session: Session, root: string): Promise<Tally[]> {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const tallies: Tally[] = [];
  for (const [, name] of (scripts['check'] ?? '').matchAll(/npm run (\S+)/g)) {
    if (name === undefined) continue;
    console.log(`\n— npm run ${name}`);
    const isJest = scripts[name]?.includes('jest') ?? false;
    const resultsPath = resultsPathFor(session, name.replace(':', '-'));
    const jestArgs = isJest ? ['--', '--json', `--outputFile=${resultsPath}`] : [];
    const exitCode = await session.processes.runToEnd({
      name,
      command: 'npm',
      args: ['run', '--silent', name, ...jestArgs],
      cwd: root,
      timeLimitMs: TEST_TIME_LIMIT_MS,
    });
    tallies.push(
      isJest
        ? tallyOfJest(name, resultsPath, exitCode)
        : { name, passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 },
    );
  }
  return tallies;
}

async function runIntegration(session: Session, root: string): Promise<Tally> {
  console.log('\n— databases for the integration tests');
  try {
    const sources = await prepareDatabases(thisMachine, session);
    const { databaseUrl, redisUrl } = await startDatabases(thisMachine, session, sources);
    const env = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
    // Each file has a schema and a broker of its own; more at once would ask more of one MariaDB than it has connections for.
    const workerCount = Math.min(availableParallelism(), 4);
    return await runJestProject(session, root, 'integration', env, [`--maxWorkers=${workerCount}`]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return { name: 'integration', passed: 0, failed: 1, skipped: 0 };
  }
}
