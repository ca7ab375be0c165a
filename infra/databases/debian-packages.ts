import { writeFileSync } from 'node:fs';
import type { Machine } from './machine.ts';

const policyFile = '/usr/sbin/policy-rc.d';

/**
 * Installs Debian packages without starting the system services they contain: we start private instances of our own.
 *
 * The means are Debian's: while /usr/sbin/policy-rc.d answers 101, no package script may start a service. A policy
 * that is already there is the owner's and stays as it is.
 */
export async function installPackages(
  machine: Machine,
  names: readonly string[],
  logPath: string,
): Promise<void> {
  let log = '';
  const runAsRoot = async (command: string, ...args: string[]): Promise<void> => {
    const line = ['env', 'DEBIAN_FRONTEND=noninteractive', command, ...args];
    const [program, ...rest] = machine.isRoot ? line : ['sudo', ...line];
    const result = await machine.run(program ?? 'env', rest);
    log += `$ ${command} ${args.join(' ')}\n${result.output}\n`;
    writeFileSync(logPath, log);
    if (result.code !== 0) {
      const tail = result.output.trimEnd().split('\n').slice(-10).join('\n');
      const what = `"${command} ${args.join(' ')}"`;
      throw new Error(`${tail}\n\n${what} ended with code ${result.code}. Log: ${logPath}`);
    }
  };
  const hasPolicy = (await machine.run('test', ['-e', policyFile])).code === 0;
  // Another apt-get (unattended upgrades, on a fresh machine) may be at work.
  const patient = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
  await runAsRoot('apt-get', ...patient, 'update');
  if (!hasPolicy) {
    const write = `printf '#!/bin/sh\\nexit 101\\n' > ${policyFile} && chmod 755 ${policyFile}`;
    await runAsRoot('sh', '-c', write);
  }
  try {
    await runAsRoot('apt-get', ...patient, 'install', '-y', '--no-install-recommends', ...names);
    // Neither now nor after the next boot; where systemd does not run there is nothing to disable.
    if (names.includes('redis-server') && !hasPolicy) {
      await runAsRoot(
        'sh',
        '-c',
        'if [ -d /run/systemd/system ]; then systemctl disable redis-server; fi',
      );
    }
  } finally {
    if (!hasPolicy) await runAsRoot('rm', '-f', policyFile);
  }
}
