import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from '../command.ts';
import { runSession } from '../session.ts';

/** `npm run bench`: the benchmarks of loadtest/bench/, with the flags as typed. */
export const run: Command = (context) =>
  runSession(context, async ({ processes, slot }) => {
    // Gigabytes of messages. Those of a run that was killed are still there.
    const stores = join(slot.dir, 'bench');
    await rm(stores, { recursive: true, force: true });
    await mkdir(stores, { recursive: true });
    try {
      return await processes.runToEnd({
        name: 'bench',
        command: process.execPath,
        args: [join(context.root, 'infra', 'dist', 'bench', 'main.js'), ...context.options.args],
        cwd: context.root,
        env: { TMPDIR: stores },
      });
    } finally {
      await rm(stores, { recursive: true, force: true });
    }
  });
