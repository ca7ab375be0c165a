// A lock file names its owner, so that a lock whose owner was killed can be taken over.
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** "pid starttime": after a reboot the pid alone may be somebody else's. Without /proc the pid has to do. */
function nameOf(pid) {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  // Field 22, counted from behind the command name, which may hold spaces and parentheses.
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
}

/** The pid in a lock file's content, if that very process still runs. */
function runningOwner(content) {
  const pid = Number.parseInt(content, 10);
  // 0 would ask about our own process group.
  if (!(pid > 0)) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if (error.code !== 'EPERM') return undefined;
  }
  return content === nameOf(pid) ? pid : undefined;
}

/** The pid of the running process that holds this lock, or undefined. */
export function lockOwner(path) {
  return runningOwner(read(path) ?? '');
}

/** Takes the lock and returns the function that gives it back, or returns undefined when a running process has it. */
export function tryLock(path) {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, nameOf(process.pid));
  try {
    for (;;) {
      try {
        // A link appears complete with its content, or not at all.
        linkSync(mine, path);
        return () => rmSync(path, { force: true });
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const found = read(path);
      if (found === undefined) continue;
      if (runningOwner(found) !== undefined) return undefined;
      removeStale(path, found);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Removes the lock of a dead owner; a lock that somebody else took over in the meantime is put back. */
function removeStale(path, staleContent) {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (read(aside) !== staleContent) linkSync(aside, path);
  rmSync(aside, { force: true });
}
