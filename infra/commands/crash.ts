import { buildRunner, runBuilt } from '../built-runner.ts';
import type { Command } from '../command.ts';
import { runSession } from '../session.ts';

/** `npm run test:crash`: builds test/crash and runs it in a process of its own, with the flags as typed. */
export const run: Command = (context) =>
  runSession(context, async (session) => {
    const { root } = context;
    const built = await buildRunner(session, root, 'crash');
    const flags = ['--root', root, '--state', session.slot.dir];
    return await runBuilt(session, context, 'crash', built, flags);
  });
