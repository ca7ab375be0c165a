// A lock file holds the pid of its owner, so that a lock whose owner was killed can be taken over.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isRunning(pid) {
  // 0 would ask about our own process group.
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return error.code === 'EPERM';
  }
}

/** The pid of the running process that holds this lock, or undefined. */
export function lockOwner(path) {
  const pid = Number(read(path));
  return isRunning(pid) ? pid : undefined;
}

/** Takes the lock and returns the function that gives it back, or returns undefined when a running process has it. */
export function tryLock(path) {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
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
      if (isRunning(Number(found))) return undefined;
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
