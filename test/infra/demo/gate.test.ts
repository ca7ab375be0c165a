import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Gate } from '../../../infra/demo/gate.ts';

let server: Server;
let served: Socket[];
let gate: Gate;

beforeEach(async () => {
  served = [];
  server = createServer((socket) => {
    served.push(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  gate = await Gate.open({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
});

afterEach(async () => {
  await gate.close();
  for (const socket of served) socket.destroy();
  server.close();
});

async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  return String((await once(socket, 'data'))[0]);
}

async function enter(): Promise<Socket> {
  const socket = connect(gate.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

describe('a gate', () => {
  it('lets through in both directions', async () => {
    const socket = await enter();
    expect(await echo(socket, 'hello')).toBe('hello');
    socket.destroy();
  });

  it('cuts who is inside when it is closed, on both sides, and lets nobody in', async () => {
    const socket = await enter();
    await echo(socket, 'hello');
    socket.on('error', () => undefined);
    const ends = Promise.all([once(socket, 'close'), once(served[0]!, 'close')]);
    await gate.close();
    await ends;
    const late = connect(gate.port, '127.0.0.1');
    await expect(once(late, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('opens again at the same port', async () => {
    const { port } = gate;
    await gate.close();
    await gate.reopen();
    expect(gate.port).toBe(port);
    const socket = await enter();
    expect(await echo(socket, 'again')).toBe('again');
    socket.destroy();
  });

  it('does not mind being closed or opened twice', async () => {
    await gate.close();
    await gate.close();
    await gate.reopen();
    await gate.reopen();
    const socket = await enter();
    expect(await echo(socket, 'still')).toBe('still');
    socket.destroy();
  });

  it('cuts a customer when the server behind it goes', async () => {
    const socket = await enter();
    await echo(socket, 'hello');
    const end = once(socket, 'close');
    served[0]!.destroy();
    await end;
  });
});
