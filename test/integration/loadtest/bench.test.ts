import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { TestProcess } from '../../support/process.ts';

const main = resolve(import.meta.dirname, '..', '..', '..', 'infra', 'dist', 'bench', 'main.js');
/** Where reports go. */
let cwd: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'millrace-bench-test-'));
});

afterAll(() => rm(cwd, { recursive: true, force: true }));

test('the benchmark measures sends to our broker and ends with one JSON object', async () => {
  const flags = '--only send --seconds 1 --flush async --json --match';
  await using bench = await TestProcess.start({
    args: [main, ...flags.split(' '), '1KiB 64 ×'],
    cwd,
  });
  const output = await bench.endedWell();
  const line = JSON.parse(output.trimEnd().split('\n').at(-1)!) as {
    send: Record<string, { millrace: Record<string, number> }>;
  };
  expect(Object.keys(line.send)).toEqual(['async 1KiB 64 × 1 in flight']);
  for (const { millrace } of Object.values(line.send)) {
    expect(millrace['messages_per_s']).toBeGreaterThan(0);
    expect(millrace['p99_ms']).toBeGreaterThan(0);
    expect(millrace['broker_cpu_s_per_million']).toBeGreaterThan(0);
    expect(millrace['rss_mb']).toBeGreaterThan(0);
    expect(millrace['refused']).toBe(0);
  }
  expect(await readdir(join(cwd, 'loadtest', 'reports'))).toEqual([
    expect.stringMatching(/^bench-.*\.html$/),
  ]);
});

test('a command line that makes no sense is answered with one that does', async () => {
  await using bench = await TestProcess.start({
    args: [main, '--only', 'sned'],
    cwd,
  });
  await bench.endedWell([2]);
  expect(await bench.stderr()).toMatch(
    /^--only knows no sned; there are send, batch,.*\n\nusage: npm run bench/,
  );
});
