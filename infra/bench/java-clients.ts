import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { JavaClients } from '@millrace/loadtest';

const REPORT_MS = 1_000;
/** Reports until a virtual machine has started, connected and compiled itself; they are not counted. */
const WARM_UP_REPORTS = 4;
/** For a program that never reports. */
const START_MS = 60_000;

/** Apache RocketMQ's benchmark programs, started anew for each measure, with what they print each second. */
export function javaClients(classpath: string): JavaClients {
  const run = (
    program: string,
    flags: readonly string[],
    seconds: number,
    perSIn: RegExp,
  ): Promise<number> => meanReport({ classpath, program, flags, seconds, perSIn });
  return {
    produce: ({ namesrvAddr, topic, threads, bodyBytes, seconds }) =>
      run(
        'Producer',
        ['-n', namesrvAddr, '-t', topic, '-w', `${threads}`, '-s', `${bodyBytes}`],
        seconds,
        /Send TPS: (\d+)/,
      ),
    consume: ({ namesrvAddr, topic, threads, seconds }) =>
      run(
        'Consumer',
        ['-n', namesrvAddr, '-t', topic, '-w', `${threads}`, '-g', `bench-java-${topic}`],
        seconds,
        /TPS: (\d+)/,
      ),
  };
}

/** The mean of `seconds` reports, one a second. Errors: when it ends or says nothing, with what it printed last. */
async function meanReport({
  classpath,
  program,
  flags,
  seconds,
  perSIn,
}: {
  classpath: string;
  program: string;
  flags: readonly string[];
  seconds: number;
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
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS + seconds * REPORT_MS);
  const closed = once(child, 'close');
  const reports: number[] = [];
  let lastWords = '';
  child.stderr.on(
    'data',
    (text: Buffer) => (lastWords = (lastWords + text.toString()).slice(-2_000)),
  );
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const perS = perSIn.exec(line)?.[1];
      if (perS === undefined) lastWords = (lastWords + line + '\n').slice(-2_000);
      else reports.push(Number(perS));
      if (reports.length === WARM_UP_REPORTS + seconds) break;
    }
    if (reports.length < WARM_UP_REPORTS + seconds) {
      throw new Error(`${main} ended after ${reports.length} reports: ${lastWords}`);
    }
    const counted = reports.slice(WARM_UP_REPORTS);
    return Math.round(counted.reduce((sum, perS) => sum + perS, 0) / counted.length);
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
    await closed;
    await rm(home, { recursive: true, force: true });
  }
}
