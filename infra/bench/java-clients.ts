import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { JavaClients } from '@millrace/loadtest';

const REPORT_MS = 1_000;
/** Each report is of the ten seconds before it, and the first comes when there are ten: this one leaves out the start. */
const COUNTED_REPORT = 5;
/** For a program that never reports. */
const TIME_LIMIT_MS = 120_000;

/** Apache RocketMQ's benchmark programs, started anew for each measure, with what they print each second. */
export function javaClients(classpath: string): JavaClients {
  const run = (program: string, flags: readonly string[], perSIn: RegExp): Promise<number> =>
    report({ classpath, program, flags, perSIn });
  return {
    produce: ({ namesrvAddr, topic, threads, bodyBytes }) =>
      run(
        'Producer',
        ['-n', namesrvAddr, '-t', topic, '-w', `${threads}`, '-s', `${bodyBytes}`],
        /Send TPS: (\d+)/,
      ),
    consume: ({ namesrvAddr, topic, threads }) =>
      run(
        'Consumer',
        ['-n', namesrvAddr, '-t', topic, '-w', `${threads}`, '-g', `bench-java-${topic}`],
        /Consume TPS: (\d+)/,
      ),
  };
}

/** What it says of ten seconds after its start. Errors: when it ends or says nothing, with what it printed last. */
async function report({
  classpath,
  program,
  flags,
  perSIn,
}: {
  classpath: string;
  program: string;
  flags: readonly string[];
  perSIn: RegExp;
}): Promise<number> {
  const home = await mkdtemp(join(tmpdir(), 'bench-java-'));
  const main = `org.apache.rocketmq.example.benchmark.${program}`;
  const heap = ['-Xms256m', '-Xmx512m'];
  const child = spawn(
    'java',
    [...heap, `-Duser.home=${home}`, '-cp', classpath, main, ...flags, '-ri', `${REPORT_MS}`],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_MS);
  const closed = once(child, 'close');
  let reportCount = 0;
  let lastWords = '';
  child.stderr.on(
    'data',
    (text: Buffer) => (lastWords = (lastWords + text.toString()).slice(-2_000)),
  );
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const perS = perSIn.exec(line)?.[1];
      if (perS === undefined) lastWords = (lastWords + line + '\n').slice(-2_000);
      else if (++reportCount === COUNTED_REPORT) return Number(perS);
    }
    throw new Error(`${main} ended after ${reportCount} reports: ${lastWords}`);
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
    await closed;
    await rm(home, { recursive: true, force: true });
  }
}
