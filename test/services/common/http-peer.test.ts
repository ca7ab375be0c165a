import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { HttpPeer } from '../../../services/common/http-peer.ts';

let server: Server;
let serve: RequestListener;
let peer: HttpPeer;
/** For what never comes: whoever waits for an answer that does come must not be hurried by a busy machine. */
let impatientPeer: HttpPeer;

beforeAll(async () => {
  server = createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
    serve(request, response),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const options = { name: 'third-party', url: `http://127.0.0.1:${port}` };
  peer = new HttpPeer({ ...options, timeoutMs: 10_000 });
  impatientPeer = new HttpPeer({ ...options, timeoutMs: 100 });
});

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

function answer(status: number, body: string): void {
  serve = (_request, response) => response.writeHead(status).end(body);
}

describe('another process that is asked', () => {
  it('is given a path and a body, and its answer is read', async () => {
    serve = (request, response) => {
      request.setEncoding('utf8');
      request.on('data', (body) => {
        response.end(JSON.stringify({ method: request.method, url: request.url, body }));
      });
    };
    expect(await peer.post('/a?b=c', { d: 1 })).toEqual({
      method: 'POST',
      url: '/a?b=c',
      body: '{"d":1}',
    });
  });

  it.each([
    [400, 'invalid'],
    [404, 'not_found'],
    [409, 'conflict'],
  ])('refuses with %i, which is of kind %s, and its own words', async (status, kind) => {
    answer(status, JSON.stringify({ code: 'A.REASON', detail: 'so many' }));
    await expect(peer.get('/')).rejects.toMatchObject({
      code: 'A.REASON',
      kind,
      message: 'so many',
    });
    answer(status, '<html>');
    await expect(peer.get('/')).rejects.toMatchObject({
      kind,
      message: expect.stringContaining(String(status)),
    });
  });

  it.each<[string, () => void]>([
    ['a fault', () => answer(500, '{}')],
    ['a redirection', () => answer(304, '')],
    ['too many requests', () => answer(429, '{}')],
    ['an answer that is not JSON', () => answer(200, '<html>')],
    ['a cut connection', () => (serve = (request) => request.socket.destroy())],
  ])('with %s has not said whether it was done', async (_what, prepare) => {
    prepare();
    await expect(peer.get('/')).rejects.toMatchObject({
      code: 'THIRD_PARTY.UNAVAILABLE',
      kind: 'unavailable',
    });
  });

  it.each<[string, RequestListener]>([
    [
      'half an answer',
      (_request, response) => response.writeHead(200, { 'content-length': '9' }).write('{'),
    ],
    ['silence', () => undefined],
    [
      'another protocol',
      (request) =>
        request.socket.write('HTTP/1.1 101 No\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n'),
    ],
  ])('with %s is given up in time', async (_what, listener) => {
    serve = listener;
    await expect(impatientPeer.get('/')).rejects.toMatchObject({
      code: 'THIRD_PARTY.UNAVAILABLE',
      message: expect.stringContaining('100 ms'),
    });
  });

  it('with an answer without end is given up before it fills the memory', async () => {
    serve = (_request, response) => {
      const writeMore = (): void => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', writeMore);
      writeMore();
    };
    await expect(peer.get('/')).rejects.toMatchObject({
      code: 'THIRD_PARTY.UNAVAILABLE',
      cause: { message: 'the answer has more than 4194304 characters' },
    });
  });

  it.each([301, 302, 303, 307, 308])(
    'is not followed to somewhere else by a %i',
    async (status) => {
      const asked: string[] = [];
      serve = (request, response) => {
        asked.push(`${request.method} ${request.url}`);
        if (request.url === '/refunds') response.writeHead(status, { location: '/login' }).end();
        else response.end('{}');
      };
      await expect(peer.post('/refunds', {})).rejects.toMatchObject({
        code: 'THIRD_PARTY.UNAVAILABLE',
        message: expect.stringContaining(String(status)),
      });
      expect(asked).toEqual(['POST /refunds']);
    },
  );

  it('is asked again on the same connection, and on none that has been idle for long', async () => {
    const connections = new Set<Socket>();
    serve = (request, response) => {
      connections.add(request.socket);
      response.end('{}');
    };
    const { port } = server.address() as AddressInfo;
    const fresh = new HttpPeer({
      name: 'stock',
      url: `http://127.0.0.1:${port}`,
      timeoutMs: 10_000,
    });
    await fresh.get('/');
    await fresh.get('/');
    expect(connections.size).toBe(1);
    const [connection] = connections;
    // The server would keep it: it is the one who asks who hangs up.
    await once(connection!, 'close');
  }, 30_000);

  it('that nobody is at has not said so, either', async () => {
    const nobody = new HttpPeer({ name: 'stock', url: 'http://127.0.0.1:1', timeoutMs: 1_000 });
    await expect(nobody.get('/')).rejects.toMatchObject({ code: 'STOCK.UNAVAILABLE' });
  });
});
