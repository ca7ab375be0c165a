import fs from 'node:fs';
import path from 'node:path';
import { MqError } from '../errors.ts';

/**
 * The lock of a store directory: one process at a time.
 *
 * Node cannot take an advisory file lock, so the file names its holder: boot id, process id and start time of
 * that process. A holder that was killed is recognised as gone by these three, also when its process id has
 * been given to another program since. On Linux the original broker's own advisory lock is seen as well.
 *
 * Limit: processes in different pid namespaces (two containers on one volume) cannot see each other.
 */
interface Holder {
  bootId: string;
  processId: number;
  /** Clock ticks after boot; empty where /proc is missing. */
  startedAt: string;
}

const AT_THE_SAME_MOMENT = 'a process that started at the same moment';

const heldHere = new Set<string>();

/** See Files.lock. */
export function lockFile(file: string): () => void {
  const absolute = path.resolve(file);
  if (heldHere.has(absolute)) throw inUse(file, 'this process');
  const own = formatHolder(describeProcess(process.pid));
  const claim = `${absolute}.${process.pid}`;
  fs.writeFileSync(claim, own);
  try {
    takeOver(absolute, claim);
  } finally {
    fs.rmSync(claim, { force: true });
  }
  heldHere.add(absolute);
  return () => {
    heldHere.delete(absolute);
    if (readIfThere(absolute) === own) fs.rmSync(absolute, { force: true });
  };
}

/**
 * Puts `claim` in the place of `file`, if that is free or its holder is dead.
 *
 * `link` fails when the name exists, so only one of several processes gets a free lock. Nor may two replace the same
 * dead holder, the slower of them the lock of the faster: whoever replaces it holds `<file>.next` meanwhile, which is
 * taken in the same way, and looks again whether the dead holder is still there. `rename` leaves no moment without a lock.
 */
function takeOver(file: string, claim: string): void {
  const held = readIfThere(file);
  if (held === undefined) {
    linkNew(claim, file);
    return;
  }
  const holder = livingHolder(file, held);
  if (holder !== undefined) throw inUse(file, holder);
  const next = `${file}.next`;
  takeOver(next, claim);
  if (readIfThere(file) !== held) {
    fs.rmSync(next, { force: true });
    throw inUse(file, AT_THE_SAME_MOMENT);
  }
  fs.renameSync(next, file);
}

function linkNew(claim: string, file: string): void {
  try {
    fs.linkSync(claim, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw inUse(file, AT_THE_SAME_MOMENT);
  }
}

function livingHolder(file: string, text: string): string | undefined {
  const advisory = advisoryLockHolder(file);
  if (advisory !== undefined) return `process ${advisory}`;
  const holder = parseHolder(text);
  if (holder === undefined || holder.processId === process.pid) return undefined;
  const now = describeProcess(holder.processId);
  const isSame =
    isAlive(holder.processId) && now.bootId === holder.bootId && now.startedAt === holder.startedAt;
  return isSame ? `process ${holder.processId}` : undefined;
}

function inUse(file: string, holder: string): MqError {
  return new MqError(
    'STORE_FAILED',
    `${path.dirname(file)} is in use by ${holder}; a store directory serves one broker at a time`,
    { details: { path: file, holder } },
  );
}

function describeProcess(processId: number): Holder {
  const stat = readIfThere(`/proc/${processId}/stat`) ?? '';
  // Fields 3 (state) and 22, counted behind the program's name, which may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie keeps its process id until its parent collects it, but holds no file any more.
  const startedAt = fields[0] === 'Z' ? '' : (fields[19] ?? '');
  const bootId = (readIfThere('/proc/sys/kernel/random/boot_id') ?? '').trim();
  return { bootId, processId, startedAt };
}

function formatHolder(holder: Holder): string {
  return `pid=${holder.processId} started=${holder.startedAt} boot=${holder.bootId}\n`;
}

function parseHolder(text: string): Holder | undefined {
  const match = /^pid=(\d+) started=(\d*) boot=(\S*)\n$/.exec(text);
  if (match === null) return undefined;
  return { processId: Number(match[1]), startedAt: match[2]!, bootId: match[3]! };
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Java's FileLock shows in /proc/locks as `1: POSIX ADVISORY WRITE <pid> <major>:<minor>:<inode> 0 EOF`. */
function advisoryLockHolder(file: string): string | undefined {
  const inode = fs.statSync(file, { throwIfNoEntry: false })?.ino;
  const locks = readIfThere('/proc/locks')?.split('\n') ?? [];
  const fields = locks.map((line) => line.trim().split(/\s+/));
  return fields.find((line) => line[5]?.endsWith(`:${inode}`) && line[3] === 'WRITE')?.[4];
}

function readIfThere(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ESRCH: the process ended between open and read.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}
