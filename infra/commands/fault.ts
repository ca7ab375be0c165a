import { buildRunner, runBuilt } from '../built-runner.ts';
import type { Command } from '../command.ts';
import { runSession } from '../session.ts';

/** `npm run test:fault`: builds test/fault and runs it in a process of its own, with the flags as typed. */
export const run: Command = (context) =>
  runSession(context, async (session) => {
    const built = await buildRunner(session, context.root, 'fault');
    return await runBuilt(session, context, 'fault', built);
  });
