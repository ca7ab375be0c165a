import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

interface Engine {
  /** What `docker info` does. */
  docker: string;
  /** What starts an engine, if there is something that does. */
  starter?: string;
  composeCheck: string;
}

const noEngine: Engine = { docker: 'exit 1', composeCheck: 'exit 1' };

/** Runs .ci/run with an npm that does as told for `npm test` and `npm run test:interop`, and for `npm run compose:check`. */
async function runCi(
  test: string,
  interop: string,
  { docker, starter, composeCheck }: Engine = noEngine,
): Promise<{ code: number | null; last: string; printed: string }> {
  await executable(
    'npm',
    `case "$*" in test) ${test};; 'run compose:check'*) ${composeCheck};; *) ${interop};; esac`,
  );
  await executable('docker', docker);
  if (starter !== undefined) await executable('starter', starter);
  const { status, stdout } = spawnSync(ciRun, {
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: `${dir}${delimiter}${process.env['PATH']}`,
      DOCKER_STARTER: join(dir, 'starter'),
    },
  });
  return { code: status, last: stdout.trimEnd().split('\n').at(-1) ?? '', printed: stdout };
}

describe('.ci/run', () => {
  it('adds up both summaries', async () => {
    expect(await runCi("echo '5 passed, 0 failed'", "echo '7 passed, 0 failed'")).toMatchObject({
      code: 0,
      last: '12 passed, 0 failed',
    });
  });

  it('runs the interop tests though the first command failed', async () => {
    const failing = "echo '5 passed, 2 failed'; exit 1";
    expect(await runCi(failing, "echo '7 passed, 0 failed'")).toMatchObject({
      code: 1,
      last: '12 passed, 2 failed',
    });
  });

  it('counts a command that ends without a summary as one failure', async () => {
    expect(await runCi("echo '5 passed, 0 failed'", 'kill -9 $$')).toMatchObject({
      code: 1,
      last: '5 passed, 1 failed',
    });
  });

  it('counts an exit code that contradicts the summary as one failure', async () => {
    expect(
      await runCi("echo '5 passed, 0 failed'; exit 3", "echo '7 passed, 0 failed'"),
    ).toMatchObject({
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

  describe('the shop in containers', () => {
    const five = "echo '5 passed, 0 failed'";

    it.each([
      ['passes', 'exit 0', 0, '11 passed, 0 failed'],
      ['fails', 'exit 1', 1, '10 passed, 1 failed'],
    ])('counts as one when it %s', async (_name, composeCheck, code, last) => {
      expect(await runCi(five, five, { docker: 'exit 0', composeCheck })).toMatchObject({
        code,
        last,
      });
    });

    it('is not counted where there is no engine and none can be started, and that is said', async () => {
      const { code, last, printed } = await runCi(five, five, noEngine);
      expect({ code, last }).toEqual({ code: 0, last: '10 passed, 0 failed' });
      expect(printed).toContain('not checked: there is no Docker engine here');
    });

    it('is not counted where it finds nothing to run on', async () => {
      const engine = { docker: 'exit 0', composeCheck: 'echo no image; exit 3' };
      const { code, last, printed } = await runCi(five, five, engine);
      expect({ code, last }).toEqual({ code: 0, last: '10 passed, 0 failed' });
      expect(printed).toMatch(/no image\nThe shop in containers is not checked/);
    });

    it('shows why an engine does not start, counts nothing, and stops what was started of it', async () => {
      const log = join(dir, 'starter.log');
      const { code, last, printed } = await runCi(five, five, {
        docker: 'exit 1',
        starter: `echo "starter $1" >> ${log}; [ "$1" = stop ] || { echo no iptables >&2; exit 7; }`,
        composeCheck: 'exit 1',
      });
      expect({ code, last }).toEqual({ code: 0, last: '10 passed, 0 failed' });
      expect(printed).toMatch(/no iptables\nThe shop in containers is not checked: .* code 7/);
      expect(await readFile(log, 'utf8')).toBe('starter \nstarter stop\n');
    });

    it('gives the check what is left of its time', async () => {
      const engine = { docker: 'exit 0', composeCheck: 'echo "asked: $*"' };
      const { printed } = await runCi(five, five, engine);
      expect(printed).toMatch(/asked: run compose:check -- --limit 3\d\d\n/);
    });

    it('starts an engine where it can, and stops that one again', async () => {
      const log = join(dir, 'starter.log');
      const { last } = await runCi(five, five, {
        docker: 'exit 1',
        starter: `echo "starter $1" >> ${log}`,
        composeCheck: 'exit 0',
      });
      expect(last).toBe('11 passed, 0 failed');
      expect(await readFile(log, 'utf8')).toBe('starter \nstarter stop\n');
    });
  });
});
