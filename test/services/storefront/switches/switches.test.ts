import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ShopServices } from '../../../../services/storefront/application/shop-services.ts';
import { Switches } from '../../../../services/storefront/switches/switches.ts';

/** How the stage answers a PUT, and what it was asked. */
let answer: { status: number; text: string };
let asked: string[];
let stage: Server;
let switches: Switches;

beforeEach(async () => {
  asked = [];
  stage = createServer((request, response) => {
    if (request.method === 'GET') {
      response.end('{"couponDatabase":"running","broker":"running","reasons":{}}');
      return;
    }
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      asked.push(body);
      response.writeHead(answer.status).end(answer.text);
    });
  });
  stage.listen(0, '127.0.0.1');
  await once(stage, 'listening');
  const { port } = stage.address() as { port: number };
  const services = { ask: async () => ({ status: 503, text: '' }) } as unknown as ShopServices;
  switches = new Switches(services, `http://127.0.0.1:${port}`);
});

afterEach(() => {
  stage.close();
  stage.closeAllConnections();
});

describe('the switches', () => {
  it('are turned one at a time: nothing is done of a request that names two, or none', async () => {
    await expect(
      switches.turn({ broker: 'stopped', couponDatabase: 'stopped' }),
    ).rejects.toMatchObject({
      code: 'REQUEST.INVALID',
      kind: 'invalid',
      fields: [{ field: 'couponDatabase', message: expect.stringContaining('broker') }],
    });
    await expect(switches.turn({ broker: undefined })).rejects.toMatchObject({ kind: 'invalid' });
    expect(asked).toEqual([]);
  });

  it("name the stage when that answers what is no JSON, and else give the stage's own reason", async () => {
    const turned = () => switches.turn({ broker: 'running' });
    answer = { status: 502, text: '<h1>Bad gateway</h1>' };
    await expect(turned()).rejects.toMatchObject({
      code: 'STAGE.UNAVAILABLE',
      kind: 'unavailable',
      message: expect.stringMatching(/stage .*502/),
    });
    answer = { status: 503, text: '{"detail":"broker did not start"}' };
    await expect(turned()).rejects.toMatchObject({ message: 'broker did not start' });
    answer = { status: 409, text: 'null' };
    await expect(turned()).rejects.toMatchObject({ code: 'SWITCH.NOT_HERE', kind: 'conflict' });
    expect(asked).toEqual(Array.from({ length: 3 }, () => '{"broker":"running"}'));
  });
});
