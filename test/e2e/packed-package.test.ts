import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from '../support/deadline.ts';
import { TestProcess } from '../support/process.ts';
import { allSamples, sampleOf, samplesOf } from '../support/readme-samples.ts';

const packageDir = resolve(import.meta.dirname, '../../mq');
const root = resolve(packageDir, '..');

/** A project of somebody who has never seen this repository, outside of it. */
let project: string;

async function npm(args: readonly string[], cwd: string): Promise<string> {
  await using running = await TestProcess.start({
    command: 'npm',
    args,
    cwd,
    // Jest's own, and what npm tells the scripts that it runs, are not this npm's business.
    env: { NODE_OPTIONS: undefined, npm_config_local_prefix: undefined },
  });
  return await running.endedWell();
}

/** As this repository has it, so that npm finds it in its cache. */
async function versionOf(name: string): Promise<string> {
  const path = join(root, 'node_modules', name, 'package.json');
  const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string };
  return `${name}@${version}`;
}

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'millrace-packed-'));
  const packed = await npm(['pack', '--silent', '--pack-destination', project], packageDir);
  await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
  const peers = ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'];
  const tools = ['typescript', '@types/node', '@jest/globals', 'jest'];
  const others = await Promise.all([...peers, ...tools].map(versionOf));
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--silent'];
  await npm(['install', ...flags, `./${packed.trim()}`, ...others], project);
}, 300_000);

afterAll(async () => {
  await rm(project, { recursive: true, force: true });
});

/** What the samples call and do not show: the reader's own code, and the test runner's. */
const namesOfTheReader = `
declare const orders: readonly string[];
declare function again(text: string): Promise<boolean>;
declare function book(step: string): Promise<boolean>;
declare function forget(text: string): void;
declare function insertAll(rows: readonly unknown[]): Promise<number>;
declare function isClosingTime(): boolean;
declare function isPlaced(orderNo: string | undefined): Promise<boolean>;
declare function issueCoupon(orderNo: string): Promise<'issued' | 'sold out' | 'unknown order'>;
declare function load(rows: readonly unknown[]): Promise<void>;
declare function notify(orderNo: string): Promise<void>;
declare function placeOrder(orderNo: string, transactionId: string): Promise<boolean>;
declare function priceOf(sku: string): Promise<string>;
declare function reserve(event: unknown): void;
declare function sendVoucher(text: string): void;
declare const it: typeof import('@jest/globals').it;
declare const expect: typeof import('@jest/globals').expect;
`;

/** Compiles the project with the strictest types, those that the package brings included. */
async function compile(): Promise<void> {
  const compilerOptions = {
    strict: true,
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    outDir: 'out',
    rootDir: '.',
  };
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'] }),
  );
  const compiler = join(project, 'node_modules', 'typescript', 'bin', 'tsc');
  await using running = await TestProcess.start({ args: [compiler], cwd: project });
  await running.endedWell();
}

it('installs into an empty project, and what its README shows runs there', async () => {
  expect(existsSync(join(project, 'node_modules', 'millrace', 'dist', 'index.js'))).toBe(true);
  await using broker = await TestProcess.start({
    args: [
      join(project, 'node_modules', '.bin', 'millrace'),
      'dev',
      '--namesrv-port=0',
      '--listen-port=0',
    ],
    cwd: project,
    env: { NODE_OPTIONS: undefined },
    ready: /127\.0\.0\.1:\d+/,
  });
  const namesrvAddr = /name server\D*(127\.0\.0\.1:\d+)/i.exec(await broker.log())?.[1];
  expect(namesrvAddr).toBeDefined();
  const at = (sample: string): string => sample.replaceAll('127.0.0.1:9876', namesrvAddr!);
  const notify =
    'async function notify(orderNo: string): Promise<void> {\n  console.log(`notified ${orderNo}`);\n}\n';
  const tests = await samplesOf('Testing your consumer');
  const samples = await allSamples();
  const files = {
    // Compiled, and not run here: test/mq/readme.test.ts runs them.
    ...Object.fromEntries(samples.map((sample, index) => [`typed-${index}.ts`, sample])),
    'names.d.ts': namesOfTheReader,
    'send.ts': at(await sampleOf('Send')),
    'consume.ts': `${at(await sampleOf('Consume'))}console.log('started');\n${notify}`,
    'nest.ts': `import 'reflect-metadata';\n${at(await sampleOf('NestJS')).replaceAll("'push'", "'push-by-nest'")}console.log('started');\n${notify}`,
    ...Object.fromEntries(
      tests.map((sample, index) => [
        `sample-${index}.test.ts`,
        `import { expect, it } from '@jest/globals';\n${sample}`,
      ]),
    ),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text);
  await compile();

  const run = (name: string, ready?: RegExp): Promise<TestProcess> =>
    TestProcess.start({
      args: [join('out', name)],
      cwd: project,
      env: { NODE_OPTIONS: undefined },
      ...(ready === undefined ? {} : { ready }),
    });
  // It makes the topic.
  await using first = await run('send.js');
  await first.endedWell();
  await using consumer = await run('consume.js', /started/);
  await using application = await run('nest.js', /started/);
  await until(
    async () => {
      await using again = await run('send.js');
      await again.endedWell();
      const seen = [await consumer.stdout(), await application.stdout()];
      return seen.every((text) => text.includes('notified A-1001'));
    },
    { what: 'both consumers to have an order', timeoutMs: 60_000 },
  );
  expect(await consumer.stop()).toEqual({ code: 0, signal: null });

  await using jest = await TestProcess.start({
    args: [join('node_modules', 'jest', 'bin', 'jest.js'), '--rootDir=out', '--testTimeout=60000'],
    cwd: project,
    env: { NODE_OPTIONS: '--experimental-vm-modules' },
  });
  await jest.endedWell();
  expect(await jest.log()).toContain(`Tests:       ${tests.length} passed, ${tests.length} total`);
}, 300_000);
