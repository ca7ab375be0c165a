import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { installPackages } from '../../../infra/databases/debian-packages.ts';
import type { CommandResult } from '../../../infra/databases/machine.ts';
import { fakeMachine, type FakeMachine } from './fake-machine.ts';

const policyFile = '/usr/sbin/policy-rc.d';
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-apt-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** A machine where every command succeeds, except those told to fail. */
function debian(isRoot: boolean, failing: (line: string) => boolean): FakeMachine {
  const machine = fakeMachine({ isRoot });
  return {
    ...machine,
    run: async (command, args) => {
      await machine.run(command, args);
      const result: CommandResult = failing([command, ...args].join(' '))
        ? { code: 100, output: 'E: it did not work' }
        : { code: 0, output: '' };
      return result;
    },
  };
}

describe('installPackages', () => {
  it('updates, forbids services to start, installs, and allows them again', async () => {
    const machine = debian(true, (line) => line === `test -e ${policyFile}`);
    await installPackages(machine, ['redis-server'], join(dir, 'apt.log'));
    expect(
      machine.ran.map((line) => line.replace('env DEBIAN_FRONTEND=noninteractive ', '')),
    ).toEqual([
      `test -e ${policyFile}`,
      expect.stringMatching(/^apt-get .*update$/),
      expect.stringContaining(`> ${policyFile} && chmod 755 ${policyFile}`),
      expect.stringMatching(/^apt-get .*install -y --no-install-recommends redis-server$/),
      expect.stringContaining('systemctl disable redis-server'),
      `rm -f ${policyFile}`,
    ]);
  });

  it("leaves the owner's own policy alone", async () => {
    const machine = debian(true, () => false);
    await installPackages(machine, ['redis-server'], join(dir, 'apt.log'));
    expect(machine.ran.filter((line) => line.includes(policyFile))).toEqual([
      `test -e ${policyFile}`,
    ]);
  });

  it('goes through sudo when it is not root', async () => {
    const machine = debian(false, () => false);
    await installPackages(machine, ['redis-server'], join(dir, 'apt.log'));
    const changing = machine.ran.filter((line) => !line.startsWith('test '));
    expect(changing.every((line) => line.startsWith('sudo env DEBIAN_FRONTEND='))).toBe(true);
  });

  it('takes its policy away again when the installation fails, and says what failed', async () => {
    const machine = debian(true, (line) => line.includes(' install ') || line.startsWith('test '));
    const logPath = join(dir, 'apt.log');
    await expect(installPackages(machine, ['redis-server'], logPath)).rejects.toThrow(
      /E: it did not work[^]*install -y --no-install-recommends redis-server" ended with code 100/,
    );
    expect(machine.ran.at(-1)).toMatch(`rm -f ${policyFile}`);
    expect(await readFile(logPath, 'utf8')).toContain('E: it did not work');
  });
});
