import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { databaseUserSql, newSecrets, secretFiles, type Secrets } from './secrets.ts';

// Runs once in a container of its own, before everything else, and again at each `up`. It makes what is not there yet.
const [secretsDir, databaseDir, databaseHost] = process.argv.slice(2);
if (secretsDir === undefined || databaseDir === undefined || databaseHost === undefined) {
  throw new Error('needs two folders, for the secrets and for what MariaDB is told, and its host');
}
const made = newSecrets(databaseHost);
for (const [name, file] of Object.entries(secretFiles) as [keyof Secrets, string][]) {
  const path = join(secretsDir, file);
  if (existsSync(path)) continue;
  writeFileSync(path, `${name}=${made[name]}\n`, { mode: 0o400 });
  console.log(`${name}: made`);
}
const url = readFileSync(join(secretsDir, secretFiles.DATABASE_URL), 'utf8')
  .trim()
  .slice('DATABASE_URL='.length);
// Read by the user of another image.
writeFileSync(join(databaseDir, 'millrace.sql'), databaseUserSql(url), { mode: 0o644 });
console.log('the secrets of this shop are there');
