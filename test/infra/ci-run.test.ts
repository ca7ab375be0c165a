import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const ciRun = resolve(import.meta.dirname, '..', '..', '.ci', 'run');
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-ci-'));
  // Found on PATH, so that nothing is installed.
  for (const tool of ['javac', 'mvn', 'go']) await executable(tool, '');
});
afterEach(() => rm(dir, { recursive: true }));

async function executable(name: string, script: string): Promise<void> {
  await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(dir, name), 0o755);
}

/** Runs .ci/run with an npm that does as told for `npm test` and for `npm run test:interop`. */
async function runCi(
  test: string,
  interop: string,
): Promise<{ code: number | null; last: string }> {
  await executable('npm', `if [ "$1" = test ]; then ${test}; else ${interop}; fi`);
  const { status, stdout } = spawnSync(ciRun, {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${dir}${delimiter}${process.env['PATH']}` },
  });
  return { code: status, last: stdout.trimEnd().split('\n').at(-1) ?? '' };
}

describe('.ci/run', () => {
  it('adds up both summaries', async () => {
    expect(await runCi("echo '5 passed, 0 failed'", "echo '7 passed, 0 failed'")).toEqual({
      code: 0,
      last: '12 passed, 0 failed',
    });
  });

  it('runs the interop tests though the first command failed', async () => {
    const failing = "echo '5 passed, 2 failed'; exit 1";
    expect(await runCi(failing, "echo '7 passed, 0 failed'")).toEqual({
      code: 1,
      last: '12 passed, 2 failed',
    });
  });

  it('counts a command that ends without a summary as one failure', async () => {
    expect(await runCi("echo '5 passed, 0 failed'", 'kill -9 $$')).toEqual({
      code: 1,
      last: '5 passed, 1 failed',
    });
  });

  it('counts an exit code that contradicts the summary as one failure', async () => {
    expect(await runCi("echo '5 passed, 0 failed'; exit 3", "echo '7 passed, 0 failed'")).toEqual({
      code: 1,
      last: '12 passed, 1 failed',
    });
  });

  it('takes the last summary, not one a test has printed', async () => {
    const twice = "echo '99 passed, 0 failed'; echo '5 passed, 0 failed'";
    expect(await runCi(twice, "echo '7 passed, 0 failed'")).toMatchObject({
      last: '12 passed, 0 failed',
    });
  });
});
