import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const healthy = resolve(import.meta.dirname, '../../../infra/containers/healthy');
let server: Server;
let status: number;
let asked: string[];
let port: string;

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(status).end('{"status":"it"}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = String((server.address() as AddressInfo).port);
});
afterEach(() => void server.close());

async function exitCodeOf(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(healthy, args, {
    // The server is in this process, which may have to wait for the machine.
    env: { ...process.env, HEALTHY_LIMIT_S: '120', ...env },
    stdio: 'ignore',
  });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

describe('healthy', () => {
  it.each([
    [200, 0],
    [503, 1],
    [404, 1],
  ])('is told %i by a service that speaks HTTP, and ends with %i', async (answer, code) => {
    status = answer;
    expect(await exitCodeOf([], { PORT: port })).toBe(code);
    expect(asked).toEqual(['/health/ready']);
  });

  it('asks for another path, and takes a connection for an answer where there is none', async () => {
    status = 200;
    expect(await exitCodeOf([port, '/health/live'])).toBe(0);
    expect(asked).toEqual(['/health/live']);
    status = 503;
    expect(await exitCodeOf([port])).toBe(0);
  });

  it('gives a server that does not answer the time that it is told, and ends with 1', async () => {
    server.removeAllListeners('request');
    expect(await exitCodeOf([], { PORT: port, HEALTHY_LIMIT_S: '0.1' })).toBe(1);
    server.closeAllConnections();
  });

  it('ends with 1 where nobody listens', async () => {
    server.close();
    await once(server, 'close');
    expect(await exitCodeOf([port])).toBe(1);
  });
});
