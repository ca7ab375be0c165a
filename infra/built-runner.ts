import { join } from 'node:path';
import type { CommandContext } from './command.ts';
import type { Session } from './session.ts';

/** A runner that lives in test/, beside the tests that share its code, and is no part of any package. */
export type Runner = 'fuzz' | 'fault' | 'crash';

/** Builds test/<runner> into the state folder and returns the folder it is in there. */
export async function buildRunner(
  { processes, slot, step }: Session,
  root: string,
  runner: Runner,
): Promise<string> {
  const built = join(slot.dir, runner);
  const exitCode = await step(`building test/${runner}`, () =>
    processes.runToEnd({
      name: `build-${runner}`,
      command: process.execPath,
      args: [
        join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
        '-p',
        join(root, 'test', runner, 'tsconfig.json'),
        '--outDir',
        built,
      ],
      cwd: root,
    }),
  );
  if (exitCode !== 0) throw new Error(`test/${runner} cannot be built`);
  return built;
}

/** Runs what was built in a process of its own, with the flags as typed and some more; returns its exit code. */
export function runBuilt(
  { processes }: Session,
  { root, options }: CommandContext,
  runner: Runner,
  built: string,
  flags: readonly string[] = [],
): Promise<number> {
  return processes.runToEnd({
    name: runner,
    command: process.execPath,
    args: [join(built, 'test', runner, 'main.js'), ...flags, ...options.args],
    cwd: root,
  });
}
