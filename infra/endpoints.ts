import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StateSlot } from './command.ts';
import type { Databases } from './databases/databases.ts';

const fileName = 'endpoints.json';

/** Lets another command in this clone find the databases of one that is running. */
export function noteEndpoints(slot: StateSlot, databases: Databases): void {
  writeFileSync(join(slot.dir, fileName), JSON.stringify({ pid: process.pid, ...databases }));
}

/** The databases of a demo that is running in one of these folders; `pid` is of the command that has the folder now. */
export function runningDatabases(
  slots: readonly { dir: string; pid: number }[],
): Databases | undefined {
  for (const { dir, pid } of slots) {
    const path = join(dir, fileName);
    if (!existsSync(path)) continue;
    const noted = JSON.parse(readFileSync(path, 'utf8')) as Databases & { pid: number };
    // What a command noted that has ended is where its databases were.
    if (noted.pid === pid) return { databaseUrl: noted.databaseUrl, redisUrl: noted.redisUrl };
  }
  return undefined;
}
