import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildRunner, runBuilt } from '../built-runner.ts';
import type { Command } from '../command.ts';
import { runSession } from '../session.ts';

/** `npm run fuzz`: builds test/fuzz and runs it in a process of its own, with the flags as typed. */
export const run: Command = (context) =>
  runSession(context, async (session) => {
    const { root } = context;
    const built = await buildRunner(session, root, 'fuzz');
    linkCaptures(root, built);
    const flags = ['--root', root, '--state', session.slot.dir];
    return await runBuilt(session, context, 'fuzz', built, flags);
  });

/** What is mutated are the captured frames, which the compiler does not copy. */
function linkCaptures(root: string, built: string): void {
  const directory = join('test', 'interop');
  mkdirSync(join(built, directory), { recursive: true });
  try {
    symlinkSync(join(root, directory, 'captures'), join(built, directory, 'captures'));
  } catch (error) {
    // From the run before.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
