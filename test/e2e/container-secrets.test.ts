import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { secretFiles, type Secrets } from '../../infra/containers/secrets.ts';

const program = resolve(import.meta.dirname, '../../infra/dist/containers/make-secrets.js');
const names = Object.keys(secretFiles) as (keyof Secrets)[];
let secrets: string;
let database: string;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-secrets-'));
  secrets = join(dir, 'secrets');
  database = join(dir, 'database');
  await mkdir(database);
  for (const name of names)
    await mkdir(join(secrets, secretFiles[name], '..'), { recursive: true });
});
afterEach(() => rm(dir, { recursive: true }));

/** Runs the program of the container `secrets`, after what the shell is told first. */
function make(first = ':'): { isDone: boolean; stderr: string } {
  const line = `${first}; exec "${process.execPath}" "${program}" "${secrets}" "${database}" mariadb`;
  const { status, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8' });
  return { isDone: status === 0, stderr };
}

const pathOf = (name: keyof Secrets): string => join(secrets, secretFiles[name]);

function contents(): Promise<string[]> {
  return Promise.all(names.map((name) => readFile(pathOf(name), 'utf8')));
}

describe('what makes the secrets of a shop in containers', () => {
  it('makes them once, and the user of the database with the same password each time', async () => {
    expect(make()).toMatchObject({ isDone: true });
    const made = await contents();
    const sql = await readFile(join(database, 'millrace.sql'), 'utf8');
    expect(make()).toMatchObject({ isDone: true });
    expect(await contents()).toEqual(made);
    expect(await readFile(join(database, 'millrace.sql'), 'utf8')).toBe(sql);
    const url = made[names.indexOf('DATABASE_URL')]!.trim().slice('DATABASE_URL='.length);
    expect(sql).toContain(`IDENTIFIED BY '${new URL(url).password}'`);
  });

  it('leaves no half of a secret when it ends at the first byte it writes', async () => {
    expect(make('ulimit -c 0 -f 0')).toMatchObject({ isDone: false });
    for (const name of names) {
      const there = await readdir(join(pathOf(name), '..'));
      expect(there).not.toContain('secret.env');
    }
    expect(make()).toMatchObject({ isDone: true });
    for (const [index, text] of (await contents()).entries()) {
      expect(text).toMatch(new RegExp(`^${names[index]}=\\S+\n$`));
    }
  });

  it('names a file that is cut, keeps it as it is, and does not show it', async () => {
    make();
    const path = pathOf('CHANNEL_SECRET');
    await chmod(path, 0o600);
    await writeFile(path, 'CHANNEL_SECRET=0123456789abcdef0123');
    const { isDone, stderr } = make();
    expect(isDone).toBe(false);
    expect(stderr).toContain(`${path} is cut or was changed`);
    expect(stderr).not.toContain('0123456789abcdef');
    expect(await readFile(path, 'utf8')).toBe('CHANNEL_SECRET=0123456789abcdef0123');
  });
});
