import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lockOwner, tryLock } from '../../infra/lock-file.mjs';

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-lock-'));
  path = join(dir, 'lock');
});
afterEach(() => rm(dir, { recursive: true }));

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

describe('tryLock', () => {
  it('gives the lock to one only, until it is given back', () => {
    const release = tryLock(path);
    expect(lockOwner(path)).toBe(process.pid);
    expect(tryLock(path)).toBeUndefined();
    release?.();
    expect(existsSync(path)).toBe(false);
    expect(tryLock(path)).toBeDefined();
  });

  it('takes over the lock of a process that is gone, and leaves no other file', async () => {
    await writeFile(path, String(deadPid()));
    expect(lockOwner(path)).toBeUndefined();
    expect(tryLock(path)).toBeDefined();
    expect(lockOwner(path)).toBe(process.pid);
    expect(await readdir(dir)).toEqual(['lock']);
  });

  it('takes over a lock whose pid is another process by now', async () => {
    await writeFile(path, `${process.pid} 12345`);
    expect(tryLock(path)).toBeDefined();
  });

  it('takes over a lock file without a pid', async () => {
    await writeFile(path, '');
    expect(tryLock(path)).toBeDefined();
  });
});
