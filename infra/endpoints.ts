import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StateSlot } from './command.ts';
import type { Databases } from './databases/databases.ts';
import { lockOwner } from './lock-file.mjs';

const fileName = 'endpoints.json';

/** Lets another command in this clone find the databases of one that is running. */
export function noteEndpoints(slot: StateSlot, databases: Databases): void {
  writeFileSync(join(slot.dir, fileName), JSON.stringify({ pid: process.pid, ...databases }));
}

/** The databases of a demo that runs in this clone right now. */
export function runningDatabases(root: string): Databases | undefined {
  const stateDir = join(root, '.millrace');
  if (!existsSync(stateDir)) return undefined;
  for (const run of readdirSync(stateDir).filter((name) => name.startsWith('run-'))) {
    const path = join(stateDir, run, fileName);
    if (!existsSync(path)) continue;
    const { pid, ...databases } = JSON.parse(readFileSync(path, 'utf8')) as Databases & {
      pid: number;
    };
    // The note of a command that has ended says where its databases were.
    if (String(lockOwner(join(stateDir, run, 'lock'))) === String(pid)) return databases;
  }
  return undefined;
}
