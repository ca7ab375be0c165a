import { join } from 'node:path';
import type { Command } from '../command.ts';
import { runSession } from '../session.ts';

/** `npm run bench`: the benchmarks of loadtest/bench/, with the flags as typed. */
export const run: Command = (context) =>
  runSession(context, async ({ processes }) => {
    return await processes.runToEnd({
      name: 'bench',
      command: process.execPath,
      args: [join(context.root, 'infra', 'dist', 'bench', 'main.js'), ...context.options.args],
      cwd: context.root,
    });
  });
