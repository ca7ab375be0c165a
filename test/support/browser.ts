import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages } from '../../infra/databases/debian-packages.ts';
import { thisMachine, type Machine } from '../../infra/databases/machine.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * A browser for a test: the machine's own, else Debian's, installed. Undefined: there is none, and none can be installed;
 * why is printed. Errors: the same in CI, where a test that is left out would pass for one that is green.
 */
export async function findBrowser(machine: Machine = thisMachine): Promise<string | undefined> {
  try {
    return (await installed(machine)) ?? (await installedNow(machine));
  } catch (error) {
    if (machine.env['CI'] === 'true') throw error;
    console.warn('The shop page is not tested:', error);
    return undefined;
  }
}

/** Errors: it cannot be installed; it is not there afterwards. */
async function installedNow(machine: Machine): Promise<string> {
  if (!machine.isRoot || (await machine.which('apt-get')) === undefined) {
    throw new Error(
      `none of ${names.join(', ')} is here, and only root can install one, by apt-get`,
    );
  }
  const dir = await mkdtemp(join(tmpdir(), 'millrace-browser-'));
  try {
    await installPackages(machine, ['chromium'], join(dir, 'apt-get.log'));
  } catch (error) {
    throw new Error('no browser could be installed', { cause: error });
  } finally {
    await rm(dir, { recursive: true });
  }
  const path = await installed(machine);
  if (path === undefined)
    throw new Error(`chromium is installed, but none of ${names.join(', ')} is on PATH`);
  return path;
}

async function installed(machine: Machine): Promise<string | undefined> {
  for (const name of names) {
    const path = await machine.which(name);
    if (path !== undefined) return path;
  }
  return undefined;
}
