import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { thisMachine } from '../databases/machine.ts';

const run = promisify(execFile);

/** The newest 5.x on Maven Central on 2026-11-30. */
export const ROCKETMQ_VERSION = '5.5.0';

/**
 * The class path of Apache RocketMQ's own servers and benchmark clients: from Maven Central the first time, from
 * `.millrace/` later.
 *
 * Errors: naming what is missing on PATH; with Maven's own words when it cannot fetch them.
 */
export async function rocketmqClasspath(root: string): Promise<string> {
  const missing: string[] = [];
  for (const tool of ['java', 'mvn']) {
    if ((await thisMachine.which(tool)) === undefined) missing.push(tool);
  }
  if (missing.length > 0) {
    throw new Error(
      `Apache RocketMQ needs a JDK (11 or later) and Maven; missing on PATH: ${missing.join(', ')}.\n` +
        'On Debian: apt-get install -y --no-install-recommends default-jdk-headless maven',
    );
  }
  const directory = join(root, '.millrace', `rocketmq-${ROCKETMQ_VERSION}`);
  const complete = join(directory, 'complete');
  if (!existsSync(complete)) {
    await mkdir(directory, { recursive: true });
    const pom = join(root, 'infra', 'rocketmq', 'pom.xml');
    const settings = [`-Drocketmq.version=${ROCKETMQ_VERSION}`, `-DoutputDirectory=${directory}`];
    await run('mvn', ['-q', '-B', 'package', '-f', pom, ...settings]);
    await writeFile(complete, '');
  }
  return join(directory, 'lib', '*');
}
