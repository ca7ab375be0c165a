/**
 * The least that an HTTP interface in Node costs: Fastify reads a small JSON body and answers 202 with another one.
 *
 * Prints `listening on PORT`; ends with SIGTERM.
 */
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';

const server = fastify();
server.post('/orders', (_request, reply) => {
  return reply.code(202).send({ ticketNo: '20260101-000000000000', status: 'QUEUED' });
});
await server.listen({ host: '127.0.0.1', port: 0 });
const { port } = server.server.address() as AddressInfo;
process.stdout.write(`listening on ${port}\n`);
process.once('SIGTERM', () => void server.close());
