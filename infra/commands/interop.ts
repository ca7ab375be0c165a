import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../command.ts';
import { thisMachine } from '../databases/machine.ts';
import { matrixForTerminal } from '../interop-matrix.ts';
import { runJestProject } from '../jest.ts';
import { runSession } from '../session.ts';
import { printTallies } from '../tally.ts';

const tools = {
  java: 'a JDK',
  javac: 'a JDK',
  mvn: 'Maven',
  go: 'Go',
} as const;

/** `npm run test:interop`: the tests against Apache RocketMQ's own clients and servers. */
export const run: Command = (context) =>
  runSession(context, async (session) => {
    const missing: string[] = [];
    for (const [tool, product] of Object.entries(tools)) {
      if ((await thisMachine.which(tool)) === undefined) missing.push(`${tool} (${product})`);
    }
    if (missing.length > 0) {
      console.error(
        `The interop tests need java, javac, mvn and go on PATH; missing: ${missing.join(', ')}.\n` +
          'On Debian: apt-get install -y --no-install-recommends default-jdk-headless maven golang-go',
      );
      return printTallies([{ name: 'tools', passed: 0, failed: 1, skipped: 0 }]);
    }
    // Most of what is tried waits for something: for a retry, a delay, a lock that runs out. The matrix, which takes the longest,
    // begins first, and the other files run beside it.
    const jestArgs = ['--maxWorkers=2', '--maxConcurrency=16'];
    const tally = await runJestProject(session, context.root, 'interop', {}, jestArgs);
    const matrix = readFileSync(join(context.root, 'test', 'interop', 'MATRIX.md'), 'utf8');
    console.log(`\n— who works with whom: test/interop/MATRIX.md\n\n${matrixForTerminal(matrix)}`);
    return printTallies([tally]);
  });
