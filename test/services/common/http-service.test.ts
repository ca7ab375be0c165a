import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { Agent, get, type IncomingMessage } from 'node:http';
import { Controller, Get, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpService } from '../../../services/common/http-service.ts';
import { MetricsController } from '../../../services/common/metrics.controller.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import { until, within } from '../../support/deadline.ts';
import { recordingLog } from '../recording-log.ts';

let entered: Promise<void>;
let release: () => void;
let app: NestFastifyApplication;
let port: number;

async function startThings(stopGraceMs: number): Promise<void> {
  let enter = (): void => undefined;
  entered = new Promise((resolve) => (enter = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));

  @Controller('things')
  class ThingController {
    @Get(':id')
    async find(): Promise<object> {
      enter();
      await released;
      return { found: true };
    }

    @Post()
    make(): object {
      return {};
    }
  }
  const metrics = new Metrics('things');
  @Module({
    controllers: [ThingController, MetricsController],
    providers: [{ provide: Metrics, useValue: metrics }],
  })
  class ThingModule {}

  app = await createHttpService({ module: ThingModule }, { stopGraceMs }, recordingLog().log);
  await app.listen(0, '127.0.0.1');
  ({ port } = app.getHttpServer().address() as { port: number });
}

afterEach(async () => {
  release();
  await app.close();
});

/** Sends bytes as they are and resolves with all that comes back until the service hangs up. */
function exchange(bytes: string): { answer: Promise<string>; sent: Promise<void> } {
  const socket = connect(port, '127.0.0.1');
  const sent = new Promise<void>((resolve) => void socket.write(bytes, () => resolve()));
  const answer = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    // A reset is one way of hanging up; what came before it counts.
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
  });
  return { answer, sent };
}

describe('a service’s refusals', () => {
  beforeEach(() => startThings(60_000));

  it.each([
    ['bytes that are no HTTP', 'HELO mail.example\r\n\r\n', 400],
    ['a length that is none', 'POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n', 400],
    [
      'headers without end',
      `GET /things/1 HTTP/1.1\r\nHost: x\r\nIdempotency-Key: ${'k'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
  ])('are problems also for %s', async (_what, bytes, status) => {
    const text = await within(exchange(bytes).answer, 'the answer');
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toContain('Content-Type: application/problem+json');
    expect(JSON.parse(text.split('\r\n\r\n')[1]!)).toMatchObject({
      status,
      code: `HTTP.${status}`,
    });
  });

  it.each([
    ['DELETE', '/things', 'POST'],
    ['PUT', '/things/1?again=1', 'GET, HEAD'],
    ['OPTIONS', '/things', 'POST'],
  ])('tell %s %s which methods there are', async (method, path, allow) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allow);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await answer.json()).toMatchObject({
      code: 'HTTP.405',
      detail: `this path does not take ${method}, it takes ${allow}`,
    });
  });

  it.each([
    ['a length that is over the limit', 'Content-Length: 2000000', '', 'x'.repeat(2_000_000)],
    [
      'pieces that come to more than the limit',
      'Transfer-Encoding: chunked',
      `1e8480\r\n${'x'.repeat(2_000_000)}\r\n`,
      '1\r\nx\r\n0\r\n\r\n',
    ],
  ])('let the rest of the body come, for %s', async (_what, length, beforeAnswer, rest) => {
    const socket = connect(port, '127.0.0.1');
    const hungUp = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const head = `POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${length}\r\n\r\n`;
    socket.write(head + beforeAnswer);
    await until(() => text.includes('HTTP.413'), { what: 'the refusal' });
    socket.write(`${rest}DELETE /things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await within(hungUp, 'the end of the connection');
    expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 405']);
  });

  it('keep 404 for a path nobody serves', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/nowhere`, { method: 'DELETE' });
    expect(answer.status).toBe(404);
  });
});

describe('a service’s metrics', () => {
  beforeEach(() => startThings(60_000));

  it('tell how many requests of each route were answered how, in seconds', async () => {
    await (await fetch(`http://127.0.0.1:${port}/things`, { method: 'POST' })).text();
    await (await fetch(`http://127.0.0.1:${port}/nowhere`)).text();
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const lines = (await answer.text()).split('\n');
    const labels = (route: string, status: number, method: string): string =>
      `{service="things",method="${method}",route="${route}",status="${status}"}`;
    expect(lines).toContain(
      `http_request_duration_seconds_count${labels('/things', 201, 'POST')} 1`,
    );
    expect(lines).toContain(`http_request_duration_seconds_count${labels('none', 404, 'GET')} 1`);
  });
});

describe('a service’s event loop', () => {
  it('is looked at from the start of the service, and by nothing that a reader begins anew', async () => {
    await startThings(60_000);
    const read = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    await until(async () => /^nodejs_eventloop_delay_seconds_count\S* [1-9]/m.test(await read()), {
      what: 'the first look',
    });
    expect(await read()).not.toContain('nodejs_eventloop_lag_');
  });
});

describe('closing a service', () => {
  it('ends with the last answer, although the client would keep its connection', async () => {
    await startThings(60_000);
    const agent = new Agent({ keepAlive: true });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      get({ port, host: '127.0.0.1', path: '/things/1', agent }, resolve).on('error', reject);
    });
    await within(entered, 'the request');
    const closing = app.close();
    await until(() => !app.getHttpServer().listening, { what: 'the closed port' });
    release();
    const answer = await within(answered, 'the answer');
    answer.resume();
    expect(answer.statusCode).toBe(200);
    expect(answer.headers.connection).toBe('close');
    await within(closing, 'closing');
    agent.destroy();
  });

  it('does not wait longer than its grace for a body that trickles in', async () => {
    await startThings(1);
    const head = 'POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    const { answer, sent } = exchange(`${head}Content-Length: 100\r\n\r\n{"half`);
    await sent;
    // An answered request behind it: the half one has been read by then.
    await fetch(`http://127.0.0.1:${port}/nowhere`);
    await within(app.close(), 'closing');
    expect(await within(answer, 'hanging up')).toBe('');
  });
});
