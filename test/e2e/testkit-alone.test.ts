import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { TestProcess } from '../support/process.ts';

/** Inside the repository, so that the program finds the packages; not in git. */
const state = resolve(import.meta.dirname, '..', '..', '.millrace');
const directories: string[] = [];

afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

async function newDirectory(): Promise<string> {
  await mkdir(state, { recursive: true });
  const directory = await mkdtemp(resolve(state, 'testkit-'));
  directories.push(directory);
  return directory;
}

/** A program of its own: Jest would keep a process alive by itself. */
async function run(
  program: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const directory = await newDirectory();
  const file = resolve(directory, 'program.mjs');
  await writeFile(file, program);
  await using running = await TestProcess.start({ args: [file] });
  const { code } = await running.ended;
  return { code, stdout: await running.stdout(), stderr: await running.stderr() };
}

describe('a program that uses the test kit outside of Jest', () => {
  it('is not left in the middle of an await, though the broker keeps no process alive', async () => {
    const { code, stdout } = await run(`
      import { testBroker } from 'millrace/testkit';
      const mq = await testBroker();
      await mq.createTopic('T');
      await mq.clock.advance('1h');
      await mq.kill();
      await mq.restart();
      console.log((await mq.messages('T')).length, await mq.lag('g', 'T'));
      const fault = mq.faults.refuseSends();
      const struck = fault.struck();
      const { Producer } = await import('millrace');
      const producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'g' });
      await producer.send({ topic: 'T', body: 'x' }).catch((error) => console.log(error.code));
      await struck;
      await producer.shutdown();
      await mq.close();
      console.log('closed');
    `);
    expect({ code, lines: stdout.trim().split('\n') }).toEqual({
      code: 0,
      lines: ['0 0', 'SYSTEM_BUSY', 'closed'],
    });
  });

  it('shows why it failed, when that was before it awaited what struck() waits for', async () => {
    const { code, stderr } = await run(`
      import { testBroker } from 'millrace/testkit';
      const mq = await testBroker();
      try {
        const struck = mq.faults.refuseSends().struck();
        throw new Error('the reason');
      } finally {
        await mq.close();
      }
    `);
    expect(code).toBe(1);
    expect(stderr).toContain('Error: the reason');
    expect(stderr).not.toContain('will not strike');
  });

  it('ends although it forgot to close the broker, and leaves no store behind', async () => {
    const { code, stdout } = await run(`
      import { existsSync } from 'node:fs';
      import { testBroker } from 'millrace/testkit';
      const closed = await testBroker();
      const { storeDir } = await testBroker();
      await closed.close();
      process.once('exit', () => console.log(existsSync(storeDir)));
      console.log('forgotten');
    `);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'forgotten\nfalse\n' });
  });
});

describe('the test kit in a project of its own that runs Jest', () => {
  it('works as the README says, from ES modules and from CommonJS', async () => {
    const directory = await newDirectory();
    const test = `
      it('has a broker', async () => {
        const mq = await testBroker();
        expect(await mq.messages('T')).toEqual([]);
        await mq.close();
      });`;
    const files = {
      'jest.config.json': JSON.stringify({ rootDir: directory, transform: {} }),
      'esm.test.mjs': `import { testBroker } from 'millrace/testkit';\n${test}`,
      'commonjs.test.cjs': test.replace(
        'mq =',
        "{ testBroker } = await import('millrace/testkit');\nconst mq =",
      ),
    };
    for (const [name, text] of Object.entries(files))
      await writeFile(resolve(directory, name), text);
    await using jest = await TestProcess.start({
      args: [
        createRequire(import.meta.url).resolve('jest/bin/jest'),
        `--config=${resolve(directory, 'jest.config.json')}`,
        '--testMatch=**/*.test.*',
      ],
      env: { NODE_OPTIONS: '--experimental-vm-modules' },
      cwd: directory,
    });
    const { code } = await jest.ended;
    expect({ code, log: await jest.log() }).toEqual({
      code: 0,
      log: expect.stringContaining('Tests:       2 passed, 2 total'),
    });
  });
});
