import { existsSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './engine.ts';

/**
 * Has the image built with the certificate authorities that npm is told to trust on this machine, if it is told of any: behind
 * a proxy that signs for others no package can be fetched without them. They are used while packages are fetched, and are not
 * in the image. Who has put them there himself keeps his.
 */
export async function withAuthorities<T>(root: string, work: () => Promise<T>): Promise<T> {
  const path = join(root, 'infra', 'authorities.pem');
  const { text } = await run('npm', ['config', 'get', 'cafile'], { cwd: root });
  const known = text.trim();
  const given = existsSync(known) ? known : process.env['NODE_EXTRA_CA_CERTS'];
  if (given === undefined || existsSync(path)) return work();
  await copyFile(given, path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
