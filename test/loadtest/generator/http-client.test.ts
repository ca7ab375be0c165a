import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Exchange } from '../../../loadtest/generator/connection.ts';
import { HttpClient } from '../../../loadtest/generator/http-client.ts';
import { until } from '../../support/deadline.ts';

const request = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Hands what each connection says to the test, as it comes. */
class Peer {
  readonly sockets: Socket[] = [];
  readonly heard: string[] = [];
  readonly #server: Server;
  /** Answers each request by itself. */
  answer: ((socket: Socket, requestsInOneRead: number) => void) | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      const index = this.sockets.push(socket) - 1;
      this.heard.push('');
      socket.on('error', () => undefined);
      socket.setEncoding('latin1').on('data', (text: string) => {
        this.heard[index] += text;
        this.answer?.(socket, text.split(request).length - 1);
      });
    });
  }

  static async listen(): Promise<Peer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Peer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

class Heard implements Exchange {
  readonly startedMs: number;
  outcome: string | undefined;

  constructor(startedMs: number) {
    this.startedMs = startedMs;
  }

  get isOver(): boolean {
    return this.outcome !== undefined;
  }

  onAnswer(status: number, body: string): void {
    this.outcome = `${status} ${body}`;
  }

  onFailure(kind: string): void {
    this.outcome = kind;
  }
}

const open: { close(): void }[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function start(
  options: { maxConnections?: number; pipelining?: number; timeoutMs?: number } = {},
) {
  const peer = await Peer.listen();
  let nowMs = 0;
  const client = new HttpClient({
    origins: { shop: { host: '127.0.0.1', port: peer.port } },
    maxConnections: 10,
    pipelining: 1,
    timeoutMs: 1_000,
    nowMs: () => nowMs,
    ...options,
  });
  open.push(client, peer);
  const send = (lateMs = 0): Heard => {
    const exchange = new Heard(nowMs - lateMs);
    client.send('shop', request, true, exchange);
    return exchange;
  };
  const advance = (ms: number): void => {
    nowMs += ms;
    client.sweep();
  };
  return { peer, client, send, advance };
}

async function outcomes(...exchanges: Heard[]): Promise<(string | undefined)[]> {
  await until(() => exchanges.every(({ isOver }) => isOver));
  return exchanges.map(({ outcome }) => outcome);
}

describe('the HTTP client', () => {
  test('uses a connection again that is idle, and opens another for a request that comes meanwhile', async () => {
    const { peer, client, send } = await start();
    peer.answer = (socket) => socket.write(ok);
    expect(await outcomes(send())).toEqual(['200 ok']);
    expect(await outcomes(send())).toEqual(['200 ok']);
    expect(client.openedCount).toBe(1);
    expect(await outcomes(send(), send())).toEqual(['200 ok', '200 ok']);
    expect(client.openedCount).toBe(2);
    expect(peer.heard[0]).toBe(request.repeat(3));
  });

  test('takes the connection that is idle for the longest time, of all those it has opened before', async () => {
    const { peer, client, send } = await start({ maxConnections: 3 });
    peer.answer = (socket) => socket.write(ok);
    await client.connect('shop');
    expect(client.openedCount).toBe(3);
    for (let index = 0; index < 6; index += 1) expect(await outcomes(send())).toEqual(['200 ok']);
    expect(peer.heard).toEqual(Array(3).fill(request.repeat(2)));
    expect(client.openedCount).toBe(3);
  });

  test('waits for no connection that cannot be opened', async () => {
    const { peer, client, send } = await start();
    peer.close();
    await client.connect('shop');
    expect(await outcomes(send())).toEqual(['refused']);
  });

  test('with pipelining sends the requests of one turn in one write, and no others behind them', async () => {
    const { peer, client, send } = await start({ pipelining: 3 });
    const reads: number[] = [];
    peer.answer = (_, count) => reads.push(count);
    const first = [send(), send(), send(), send()];
    await until(() => reads.length === 2);
    expect(reads.toSorted((a, b) => a - b)).toEqual([1, 3]);
    const later = send();
    await until(() => reads.length === 3);
    expect(client.openedCount).toBe(3);
    for (const socket of peer.sockets) socket.write(ok.repeat(3));
    expect(await outcomes(...first, later)).toEqual(Array(5).fill('200 ok'));
  });

  test('at the connection bound requests wait in line, in order, and are sent when one is free', async () => {
    const { peer, client, send } = await start({ maxConnections: 1 });
    const exchanges = [send(), send(), send()];
    await until(() => peer.heard[0] === request);
    expect(client.waitedCount).toBe(2);
    peer.answer = (socket) => socket.write('HTTP/1.1 201 C\r\ncontent-length: 1\r\n\r\n2');
    peer.sockets[0]!.write('HTTP/1.1 201 C\r\ncontent-length: 1\r\n\r\n1');
    expect(await outcomes(...exchanges)).toEqual(['201 1', '201 2', '201 2']);
    expect(client.openedCount).toBe(1);
  });

  test('who is still in line after the time-out is dropped, who was sent has timed out', async () => {
    const { peer, send, advance } = await start({ maxConnections: 1 });
    const sent = send();
    const waiting = send();
    await until(() => peer.heard[0] === request);
    advance(999);
    expect([sent.outcome, waiting.outcome]).toEqual([undefined, undefined]);
    const late = send();
    advance(1);
    expect([sent.outcome, waiting.outcome]).toEqual(['timeout', 'dropped']);
    // The connection that timed out is gone, and who came later has taken a new one.
    await until(() => peer.sockets.length === 2);
    advance(1_000);
    expect(late.outcome).toBe('timeout');
  });

  test('who has stood in line for 2 s is dropped, however late he was when he came, and however much time he has left', async () => {
    const { peer, send, advance } = await start({ maxConnections: 1, timeoutMs: 10_000 });
    const sent = send();
    await until(() => peer.heard[0] === request);
    advance(500);
    const waiting = send(3_000);
    advance(1_999);
    expect(waiting.outcome).toBeUndefined();
    advance(1);
    expect([sent.outcome, waiting.outcome]).toEqual([undefined, 'dropped']);
  });

  test('says of each failure which it was', async () => {
    const { peer, send } = await start();
    const closeWith = async (end: (socket: Socket) => void): Promise<string | undefined> => {
      peer.answer = (socket) => end(socket);
      return (await outcomes(send()))[0];
    };
    expect(await closeWith((socket) => socket.end())).toBe('closed');
    expect(await closeWith((socket) => socket.resetAndDestroy())).toBe('reset');
    expect(
      await closeWith((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal')),
    ).toBe('closed');
    expect(await closeWith((socket) => socket.write('no HTTP at all\r\n\r\n'))).toBe('malformed');
    peer.close();
    expect(await outcomes(send())).toEqual(['refused']);
  });

  test('reads a body that ends with the connection, and does not use that connection again', async () => {
    const { peer, client, send } = await start();
    peer.answer = (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall there is');
    expect(await outcomes(send())).toEqual(['200 all there is']);
    peer.answer = (socket) => socket.write(ok);
    expect(await outcomes(send())).toEqual(['200 ok']);
    expect(client.openedCount).toBe(2);
  });

  test('an answer that nobody asked for ends the connection and is given to nobody', async () => {
    const { peer, send } = await start();
    peer.answer = (socket) => socket.write(ok + ok);
    expect(await outcomes(send())).toEqual(['200 ok']);
    await until(() => peer.sockets[0]!.destroyed);
    peer.answer = (socket) => socket.write('HTTP/1.1 201 C\r\ncontent-length: 0\r\n\r\n');
    expect(await outcomes(send())).toEqual(['201 ']);
  });

  test('closes what was idle for long, before the peer does', async () => {
    const { peer, client, send, advance } = await start();
    peer.answer = (socket) => socket.write(ok);
    await outcomes(send());
    advance(4_001);
    await until(() => peer.sockets[0]!.destroyed);
    await outcomes(send());
    expect(client.openedCount).toBe(2);
  });

  test('a service that does not exist is refused with the names of those that do', async () => {
    const { client } = await start();
    expect(() => client.send('shopp', request, true, new Heard(0))).toThrow(
      'no service shopp, there are shop',
    );
  });
});
