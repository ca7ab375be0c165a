import { measureLimits } from '@millrace/loadtest';
import type { CommandContext } from '../command.ts';
import { prepareDatabases, startDatabases } from '../databases/databases.ts';
import { thisMachine } from '../databases/machine.ts';
import type { LoadtestOptions } from '../loadtest-flags.mjs';
import { runSession } from '../session.ts';

const defaultDurationMs = 5_000;

/** `npm run loadtest -- limits`: databases and nothing of the shop. */
export function runLimits(
  context: CommandContext,
  { durationMs = defaultDurationMs }: LoadtestOptions,
  tell: (line: object) => void,
): Promise<number> {
  return runSession(context, async (session) => {
    const sources = await prepareDatabases(thisMachine, session);
    const databases = await startDatabases(thisMachine, session, sources);
    tell(await measureLimits({ ...databases, durationMs }, session.step));
    return 0;
  });
}
