import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { eventsOf, SaleClient } from '../../../infra/demo/sale-client.ts';
import { verifyCustomerToken } from '../../../services/contracts/customer-token.ts';

const secret = 'a secret of the shop';
let server: Server;
let sales: SaleClient;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  sales = new SaleClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, secret);
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

it('asks with a token of the customer, and comes back when told "not just now"', async () => {
  const users: string[] = [];
  const statuses = [503, 429, 202];
  answer = (request, response) => {
    users.push(verifyCustomerToken(request.headers.authorization, secret, Date.now()).userId);
    response.writeHead(statuses.shift()!).end('{"ticketNo":"T"}');
  };
  expect(await sales.ask('S', 'ada')).toEqual({ kind: 'admitted', ticketNo: 'T' });
  expect(users).toEqual(['ada', 'ada', 'ada']);
  expect(sales.refusedCount).toBe(2);
});

it('is told why it gets no piece, and takes nothing else for an answer', async () => {
  answer = (_, response) => response.writeHead(409).end('{"code":"SALE.SOLD_OUT"}');
  expect(await sales.ask('S', 'ada')).toEqual({ kind: 'refused', code: 'SALE.SOLD_OUT' });
  answer = (_, response) => response.writeHead(500).end('oops');
  await expect(sales.ask('S', 'ada')).rejects.toThrow('500: oops');
});

it('listens until there is news of a ticket, on a new stream when one is cut', async () => {
  let streams = 0;
  answer = (_, response) => {
    streams += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (streams === 1) {
      response.write(': heartbeat\n\nevent: ticket\ndata: {"status":"QUEUED"}\n\ndata: {"sta', () =>
        response.destroy(),
      );
    } else response.end('data: {"status":"ORDERED"}\n\n');
  };
  expect(await sales.outcomeOf('T', 'ada')).toMatchObject({ status: 'ORDERED' });
  expect(streams).toBe(2);
});

it('reads an event whose bytes come one by one, letters of several bytes among them', async () => {
  async function* oneByOne(): AsyncGenerator<Uint8Array> {
    for (const byte of Buffer.from(': hello\n\nid: 1\ndata: {"a":"ü"}\n\ndata: x\ndata: y\n\n')) {
      yield Uint8Array.of(byte);
    }
  }
  const events: string[] = [];
  for await (const data of eventsOf(oneByOne())) events.push(data);
  expect(events).toEqual(['{"a":"ü"}', 'x\ny']);
});
