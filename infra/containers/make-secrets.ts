import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { databaseUserSql, newSecrets, readSecret, secretFiles, type Secrets } from './secrets.ts';

// Runs once in a container of its own, before everything else, and again at each `up`. It makes what is not there yet.
const [secretsDir, databaseDir, databaseHost] = process.argv.slice(2);
if (secretsDir === undefined || databaseDir === undefined || databaseHost === undefined) {
  throw new Error('needs two folders, for the secrets and for what MariaDB is told, and its host');
}
const made = newSecrets(databaseHost);
for (const [name, file] of Object.entries(secretFiles) as [keyof Secrets, string][]) {
  const path = join(secretsDir, file);
  if (existsSync(path)) continue;
  replaceFile(path, `${name}=${made[name]}\n`, 0o400);
  console.log(`${name}: made`);
}
for (const name of Object.keys(secretFiles) as (keyof Secrets)[]) secretOf(name);
// Read by the user of another image.
replaceFile(join(databaseDir, 'millrace.sql'), databaseUserSql(secretOf('DATABASE_URL')), 0o644);
console.log('the secrets of this shop are there');

/** Errors: naming the file, never what is in it. */
function secretOf(name: keyof Secrets): string {
  const path = join(secretsDir!, secretFiles[name]);
  const value = readSecret(name, readFileSync(path, 'utf8'));
  if (value === undefined) {
    throw new Error(`${path} is cut or was changed: it must be ${name}=… on one line`);
  }
  return value;
}

/** All of it or nothing, whatever ends this process or the machine: half a password is worse than none. */
function replaceFile(path: string, text: string, mode: number): void {
  const half = `${path}.new`;
  // One that was left cannot be written, by its mode.
  rmSync(half, { force: true });
  writeFileSync(half, text, { mode, flush: true });
  renameSync(half, path);
  const dir = openSync(dirname(path), 'r');
  fsyncSync(dir);
  closeSync(dir);
}
