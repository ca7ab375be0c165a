import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** Signals a process group; false when nobody is left in it. Signal 0 only asks. */
export function signalGroup(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/**
 * When a running process was started, in the system's own words; undefined when there is none.
 *
 * A pid alone is no name: after a crash or a reboot the same number belongs to somebody else's process, which must
 * not be killed for ours. Pid and start time together are.
 */
export function startTimeOf(pid: number): string | undefined {
  if (existsSync('/proc/self/stat')) {
    if (!existsSync(`/proc/${pid}/stat`)) return undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22, counted from behind the command name, which may hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  }
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() || undefined;
}

/** Next to nothing: what others leave, and as much as keeps it alive. */
const NICENESS = 19;
/** Linux lets those who are not root set one session's niceness each 100 ms. */
const AUTOGROUP_PAUSE_MS = 110;
const AUTOGROUP_TRIES = 50;

/** Lets all others go first when processors are short. False when the system does not let us. */
export async function putBehindOthers(pid: number): Promise<boolean> {
  try {
    setPriority(pid, NICENESS);
  } catch {
    return false;
  }
  // Where Linux weighs each session as a whole, a niceness counts within its session only.
  const autogroup = `/proc/${pid}/autogroup`;
  for (let tryCount = 1; existsSync(autogroup); tryCount += 1) {
    try {
      writeFileSync(autogroup, String(NICENESS));
      return true;
    } catch (error) {
      const isTooSoon = (error as NodeJS.ErrnoException).code === 'EAGAIN';
      if (!isTooSoon || tryCount === AUTOGROUP_TRIES) return false;
    }
    await delay(AUTOGROUP_PAUSE_MS);
  }
  return true;
}
