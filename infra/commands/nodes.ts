import { mkdirSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { Command } from '../command.ts';
import { runSession, type Session } from '../session.ts';
import { printTallies, type Tally } from '../tally.ts';

const defaultVersions = ['24', '26'];

/** `npm run test:nodes`: what needs no demo, under other releases of Node, which it fetches as npm packages. */
export const run: Command = (context) =>
  runSession(context, async (session) => {
    const { args } = context.options;
    const tallies: Tally[] = [];
    for (const version of args.length === 0 ? defaultVersions : args) {
      const node = await context.step(`Node ${version}`, (say) =>
        fetchNode(session, context.root, version, say),
      );
      const exitCode = await session.processes.runToEnd({
        name: `tests under Node ${version}`,
        command: node,
        args: [join(context.root, 'infra', 'bootstrap.mjs'), 'test', 'check', 'integration'],
        // The steps of `check` are started by npm, which takes the first Node on PATH.
        env: { PATH: [dirname(node), process.env['PATH']].join(delimiter) },
        cwd: context.root,
      });
      const isGood = exitCode === 0;
      tallies.push({
        name: `Node ${version}`,
        passed: isGood ? 1 : 0,
        failed: isGood ? 0 : 1,
        skipped: 0,
      });
    }
    return printTallies(tallies);
  });

/** The program `node` of the newest release of that version, kept below .millrace/. */
async function fetchNode(
  session: Session,
  root: string,
  version: string,
  say: (words: string) => void,
): Promise<string> {
  const directory = join(root, '.millrace', 'nodes', version);
  const name = `node-${process.platform}-${process.arch}@${version}`;
  say(`npm package ${name}`);
  mkdirSync(directory, { recursive: true });
  const run = async (command: string, args: readonly string[]): Promise<void> => {
    const exitCode = await session.processes.runToEnd({
      name: command,
      command,
      args,
      cwd: directory,
    });
    if (exitCode !== 0) throw new Error(`${command} could not fetch ${name}: code ${exitCode}`);
  };
  const packed = (): string | undefined =>
    readdirSync(directory).find((file) => file.endsWith('.tgz'));
  if (packed() === undefined) await run('npm', ['pack', '--silent', name]);
  await run('tar', ['-xzf', packed()!, '--strip-components=1']);
  return join(directory, 'bin', 'node');
}
