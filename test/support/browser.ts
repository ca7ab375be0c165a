import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages } from '../../infra/databases/debian-packages.ts';
import { thisMachine, type Machine } from '../../infra/databases/machine.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** A browser for a test: the machine's own, else Debian's, installed. Undefined: there is none, and none can be installed. */
export async function findBrowser(machine: Machine = thisMachine): Promise<string | undefined> {
  const found = await installed(machine);
  if (found !== undefined) return found;
  if (!machine.isRoot || (await machine.which('apt-get')) === undefined) return undefined;
  const dir = await mkdtemp(join(tmpdir(), 'millrace-browser-'));
  try {
    await installPackages(machine, ['chromium'], join(dir, 'apt-get.log'));
    return await installed(machine);
  } catch (error) {
    // A machine without a network, say: the test says that it was left out.
    console.warn('no browser could be installed:', error);
    return undefined;
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function installed(machine: Machine): Promise<string | undefined> {
  for (const name of names) {
    const path = await machine.which(name);
    if (path !== undefined) return path;
  }
  return undefined;
}
