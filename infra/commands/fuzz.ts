import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../command.ts';
import { runSession } from '../session.ts';

/** `npm run fuzz`: builds test/fuzz and runs it in a process of its own, with the flags as typed. */
export const run: Command = (context) =>
  runSession(context, async ({ processes, slot, step }) => {
    const { root } = context;
    const built = join(slot.dir, 'fuzz');
    const exitCode = await step('building test/fuzz', () =>
      processes.runToEnd({
        name: 'build-fuzz',
        command: process.execPath,
        args: [
          join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
          '-p',
          join(root, 'test', 'fuzz', 'tsconfig.json'),
          '--outDir',
          built,
        ],
        cwd: root,
      }),
    );
    if (exitCode !== 0) return exitCode;
    linkCaptures(root, built);
    return await processes.runToEnd({
      name: 'fuzz',
      command: process.execPath,
      args: [
        join(built, 'test', 'fuzz', 'main.js'),
        '--root',
        root,
        '--state',
        slot.dir,
        ...context.options.args,
      ],
      cwd: root,
    });
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
