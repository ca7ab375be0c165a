import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';

const runFile = promisify(execFile);

export interface PortHolder {
  pid: number;
  command: string;
}

/** Who listens on a port of this machine. Undefined: that cannot be seen, as of another user's process. */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  return process.platform === 'linux' ? byProc(port) : byLsof(port);
}

/** "process 4711 (node main.js)". */
export function describeHolder(holder: PortHolder | undefined): string {
  if (holder === undefined) return 'a process that cannot be seen from here';
  const { pid, command } = holder;
  return `process ${pid} (${command.length > 100 ? `${command.slice(0, 100)}…` : command})`;
}

async function byProc(port: number): Promise<PortHolder | undefined> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const inodes = new Set(tables.flatMap((table) => listeningInodes(table, port)));
  if (inodes.size === 0) return undefined;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids) {
    if (await holds(pid, inodes)) return { pid, command: await commandOf(pid) };
  }
  return undefined;
}

/** A table's line: number, local address as HEX:PORT, remote address, state (0A: listening), …; the tenth word is the inode. */
export function listeningInodes(table: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return table.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const isIt = words[1]?.endsWith(`:${hex}`) === true && words[3] === '0A';
    return isIt && words[9] !== undefined ? [words[9]] : [];
  });
}

async function holds(pid: number, inodes: ReadonlySet<string>): Promise<boolean> {
  // A process that has ended meanwhile, or is another user's, shows nothing.
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const fd of fds) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}

async function commandOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  // On one line, whatever its arguments are.
  return text.replaceAll(/[\0\s]+/g, ' ').trim();
}

async function byLsof(port: number): Promise<PortHolder | undefined> {
  try {
    const args = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'];
    const { stdout } = await runFile('lsof', args);
    const pid = Number(/^p(\d+)$/m.exec(stdout)?.[1]);
    const command = /^c(.*)$/m.exec(stdout)?.[1] ?? '';
    return Number.isNaN(pid) ? undefined : { pid, command };
  } catch {
    // It ends with code 1 when there is nothing to show.
    return undefined;
  }
}
