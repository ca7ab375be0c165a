import { readFileSync } from 'node:fs';

/** What the kernel says of a process and of those it has forked, added up. */
export interface ProcessUsage {
  /** Since it was started. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** USER_HZ and the page size are these wherever Node runs on Linux on x64 and arm64 with 4 KiB pages. */
const ticksPerS = 100;
const pageBytes = 4_096;

/**
 * Reads /proc. Undefined: the process is gone, or this is no Linux.
 *
 * Shape:  children are those of the main thread, as Node's cluster forks them, and theirs. Of one that has ended nothing is
 *         in the sum any more: it may fall.
 * Source: proc(5): fields 14 (utime), 15 (stime) of stat, behind the name in parentheses, which may hold anything; field
 *         2 (resident) of statm.
 */
export function readProcessUsage(
  pid: number,
  read: (path: string) => string | undefined = readProc,
): ProcessUsage | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const statm = read(`/proc/${pid}/statm`);
  if (stat === undefined || statm === undefined) return undefined;
  const behindName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  let cpuMs = ((Number(behindName[11]) + Number(behindName[12])) * 1_000) / ticksPerS;
  let rssBytes = Number(statm.split(' ')[1]) * pageBytes;
  const children = read(`/proc/${pid}/task/${pid}/children`) ?? '';
  for (const child of children.split(' ').filter((text) => text !== '')) {
    const usage = readProcessUsage(Number(child), read);
    cpuMs += usage?.cpuMs ?? 0;
    rssBytes += usage?.rssBytes ?? 0;
  }
  return { cpuMs, rssBytes };
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}
