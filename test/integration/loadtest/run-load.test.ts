import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runLoad } from '../../../loadtest/generator/run-load.ts';
import type { LoadSecond } from '../../../loadtest/generator/load-result.ts';
import type { Scenario } from '../../../loadtest/scenario.ts';

const echoScenarios = new URL('echo-scenario.mjs', import.meta.url).href;
const { scenarios } = (await import(echoScenarios)) as {
  scenarios: Readonly<Record<string, Scenario>>;
};
const flags = { ratePerS: 100, durationS: 1, stock: 0, seed: 1 };

interface Asked {
  name: string;
  isWarmUp: boolean;
}

/** A server that gives each name back; every tenth is refused, every fiftieth fails. */
let server: Server;
let asked: Asked[];

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { name, isWarmUp } = JSON.parse(body) as Asked;
      asked.push({ name, isWarmUp });
      const number = Number(name.slice(1));
      response.statusCode = number % 50 === 49 ? 503 : number % 10 === 0 ? 409 : 200;
      response.end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
  return body;
}

function options(name: string) {
  return {
    module: echoScenarios,
    scenario: scenarios[name]!,
    flags,
    urls: { echo: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    customerTokenSecret: 'at-least-16-characters',
    ground: { prefix: 'n' },
  };
}

describe('a load', () => {
  test('from two processes comes whole and is added up: answers, errors by kind, what was kept', async () => {
    const seconds: LoadSecond[] = [];
    const pids: number[] = [];
    const result = await runLoad({
      ...options('echo'),
      processes: 2,
      onProcesses: (some) => pids.push(...some),
      onSecond: (second) => seconds.push(second),
    });
    const expected = Array.from({ length: 100 }, (_, number) => `n${number}`);
    const measured = asked.filter(({ isWarmUp }) => !isWarmUp).map(({ name }) => name);
    expect(measured.toSorted()).toEqual(expected.toSorted());
    expect(result).toMatchObject({
      arrived: 100,
      sent: 100,
      answered: 98,
      errors: { status_503: 2 },
      counts: { accepted: 88, refused: 10 },
      warmUp: { answered: 10, errors: {} },
      problem: undefined,
    });
    expect(result.kept['names']).toHaveLength(88);
    expect(result.endpoints['echo']).toMatchObject({ errors: 2, latency: { count: 98 } });
    expect(result.latency.count).toBe(98);
    expect(seconds.reduce((sum, { answered }) => sum + answered, 0)).toBe(98);
    expect(result.seconds.reduce((sum, { arrived }) => sum + arrived, 0)).toBe(100);
    expect(result.generator).toMatchObject({ processes: 2, lag: { count: 100 } });
    expect(result.generator.cpuMicrosPerRequest).toBeGreaterThan(0);
    expect(new Set(pids).size).toBe(2);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  test('of requests that share connections is the same load', async () => {
    const result = await runLoad({ ...options('echo'), pipelining: 16 });
    expect(result).toMatchObject({ sent: 100, answered: 98, errors: { status_503: 2 } });
  });

  test('on a service that is not there is all errors, and no failure of the command', async () => {
    const result = await runLoad({ ...options('echo'), urls: { echo: 'http://127.0.0.1:1' } });
    expect(result).toMatchObject({ sent: 100, answered: 0, errors: { refused: 100 } });
  });

  test('that cannot be prepared says why', async () => {
    await expect(runLoad(options('broken'))).rejects.toThrow('this scenario cannot be prepared');
  });
});
