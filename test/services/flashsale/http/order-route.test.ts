import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HttpAdapterHost } from '@nestjs/core';
import { Metrics } from '../../../../services/common/metrics.ts';
import type { Decision } from '../../../../services/flashsale/gate/order-gate.ts';
import { OrderRoute } from '../../../../services/flashsale/http/order-route.ts';
import { recordingLog } from '../../recording-log.ts';

const SALE = '20261130-7K3M9Q2T4VXA';
const PATH = `/flash-sales/${SALE}/orders`;
/** What stands for Fastify answers so. */
const BY_FASTIFY = 299;

let server: Server;
let route: OrderRoute;
let forAll: Decision | undefined;
let admit: () => { userId: string; expiresAtS: number };
let lines: () => Record<string, unknown>[];

beforeEach(async () => {
  forAll = undefined;
  admit = () => ({ userId: 'ann', expiresAtS: 0 });
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(BY_FASTIFY).end();
  });
  const recording = recordingLog();
  ({ lines } = recording);
  route = new OrderRoute({
    adapterHost: {
      httpAdapter: { getInstance: () => ({ post: () => undefined, server }) },
    } as unknown as HttpAdapterHost,
    gate: {
      decisionForAll: () => forAll,
      decide: (saleId, userId) =>
        Promise.resolve({ type: 'QUEUED', ticketNo: `${saleId}-${userId}` }),
    },
    visitors: { turnAway: () => undefined, admit: () => admit() },
    metrics: new Metrics('flashsale'),
    log: recording.log,
  });
  route.onModuleInit();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<{ status: number; connection: string | undefined; body: string }> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        const { statusCode = 0, headers: answered } = response;
        resolve({ status: statusCode, connection: answered.connection, body: text });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

describe('an order without a body', () => {
  it('is answered before Fastify', async () => {
    expect(await ask('POST', PATH)).toMatchObject({ status: 202 });
    forAll = { type: 'SOLD_OUT' };
    expect(await ask('POST', PATH, { 'content-length': '0' })).toMatchObject({
      status: 409,
      body: expect.stringContaining('"code":"SALE.SOLD_OUT"'),
    });
  });

  it('is the last on its connection when the service stops', async () => {
    route.beforeApplicationShutdown();
    expect(await ask('POST', PATH)).toMatchObject({ status: 202, connection: 'close' });
  });

  it('costs its customer the answer when it fails by our mistake, and nobody else', async () => {
    const good = admit;
    admit = () => {
      throw new TypeError('a mistake');
    };
    await expect(ask('POST', PATH)).rejects.toThrow('socket hang up');
    expect(lines()).toMatchObject([{ level: 'error', saleId: SALE }]);
    admit = good;
    expect(await ask('POST', PATH)).toMatchObject({ status: 202 });
  });
});

it.each([
  ['GET', PATH, {}, ''],
  ['POST', `${PATH}?from=mail`, {}, ''],
  ['POST', `${PATH}/`, {}, ''],
  ['POST', `/flash-sales/${SALE}%20/orders`, {}, ''],
  ['POST', '/flash-sales', {}, ''],
  ['POST', PATH, { 'content-length': '2' }, '{}'],
  ['POST', PATH, { 'transfer-encoding': 'chunked' }, '{}'],
])('leaves to Fastify what is not that: %s %s %o', async (method, path, headers, body) => {
  expect(await ask(method, path, headers, body)).toMatchObject({ status: BY_FASTIFY });
});
