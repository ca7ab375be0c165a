import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ROCKETMQ_VERSION } from '../../../infra/rocketmq/distribution.ts';
import { lockFile } from '../../../mq/store/lock-file.ts';
import { until } from '../../support/deadline.ts';

const run = promisify(execFile);

/** The official artifacts the tests run against: the newest 5.x and 4.9.x on Maven Central on 2026-11-20. */
export const javaVersions = { newest5: ROCKETMQ_VERSION, newest49: '4.9.8' } as const;
export type JavaVersion = (typeof javaVersions)[keyof typeof javaVersions];

const here = resolve(import.meta.dirname, '..');
/** Built peers are kept between runs; `millrace.stamp` says of which sources and versions. */
const buildDir = resolve(here, '..', '..', '.millrace', 'interop');

/** Fails with one sentence that names every missing tool. The interop tests fail then; they never skip. */
function requireTools(): void {
  const missing = ['java', 'javac', 'mvn', 'go'].filter(
    (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0,
  );
  if (missing.length > 0) {
    throw new Error(
      `the interop tests need a JDK (11 or later), Maven and Go; missing on PATH: ${missing.join(', ')}`,
    );
  }
}

/** Directory of jars of the Java peer built with that version; with 5.x also the official servers. */
export async function javaClasspath(version: JavaVersion): Promise<string> {
  requireTools();
  const output = join(buildDir, `java-${version}`);
  const sources = sourcesIn(join(here, 'java', 'src', 'main', 'java', 'peer'));
  await buildOnce(output, [...sources, join(here, 'java', 'pom.xml')], async () => {
    const profile = version === javaVersions.newest5 ? ['-Pservers'] : [];
    await run(
      'mvn',
      [
        '-q',
        '-B',
        'package',
        ...profile,
        `-Drocketmq.version=${version}`,
        `-DoutputDirectory=${output}`,
      ],
      { cwd: join(here, 'java'), maxBuffer: 64 * 1024 * 1024 },
    );
  });
  return join(output, 'lib', '*');
}

/** Path of the built Go peer. */
export async function goPeerPath(): Promise<string> {
  requireTools();
  const output = join(buildDir, 'go');
  await buildOnce(output, sourcesIn(join(here, 'go')), async () => {
    await run('go', ['build', '-o', join(output, 'peer'), '.'], { cwd: join(here, 'go') });
  });
  return join(output, 'peer');
}

function sourcesIn(directory: string): string[] {
  return readdirSync(directory).map((name) => join(directory, name));
}

/** Builds unless the last build was of these very sources. One at a time: Maven's builds of two versions share their folder. */
async function buildOnce(
  output: string,
  sources: readonly string[],
  build: () => Promise<void>,
): Promise<void> {
  await mkdir(output, { recursive: true });
  const unlock = await until(() => lockFile(join(buildDir, 'lock')), {
    timeoutMs: 10 * 60_000,
    pollMs: 100,
    what: `the end of another build in ${buildDir}`,
  });
  try {
    const stampPath = join(output, 'millrace.stamp');
    const stamp = sources.map((source) => `${source} ${statSync(source).mtimeMs}`).join('\n');
    if (existsSync(stampPath) && (await readFile(stampPath, 'utf8')) === stamp) return;
    await build();
    await writeFile(stampPath, stamp);
  } finally {
    unlock();
  }
}
