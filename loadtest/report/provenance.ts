import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

/** Where figures come from: without it they are anecdotes. */
export interface Provenance {
  readonly command: string;
  readonly date: Date;
  /** The commit that was run, and whether files differed from it. */
  readonly commit: string;
  readonly machine: string;
  readonly node: string;
}

export function readProvenance(root: string, command: string): Provenance {
  return {
    command,
    date: new Date(),
    commit: commitOf(root),
    machine: thisMachine(),
    node: process.version,
  };
}

export function factsOf({ command, date, commit, machine, node }: Provenance): [string, string][] {
  return [
    ['command', command],
    ['date', date.toISOString().replace(/\.\d+Z$/, 'Z')],
    ['commit', commit],
    ['machine', machine],
    ['Node', node],
  ];
}

function thisMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const gib = (totalmem() / 2 ** 30).toFixed(1);
  return `${model}, ${availableParallelism()} cores, ${gib} GiB, ${type()} ${release()}`;
}

function commitOf(root: string): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD').trim();
    const changed = git('status', '--porcelain', '--untracked-files=no').trim();
    return changed === '' ? commit : `${commit}, with files changed since`;
  } catch {
    // A tarball, or no git on this machine.
    return 'not known: this is no clone, or git is missing';
  }
}
