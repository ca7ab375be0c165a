/** The part of a Fastify instance and its server that closing is about. */
interface ClosingServer {
  server: { closeAllConnections(): void };
  addHook(name: 'preClose', hook: (done: () => void) => void): unknown;
  addHook(name: 'onClose', hook: (instance: unknown, done: () => void) => void): unknown;
  addHook(
    name: 'onSend',
    hook: (
      request: unknown,
      reply: { header(name: string, value: string): unknown },
      payload: unknown,
      done: (error: null, payload: unknown) => void,
    ) => void,
  ): unknown;
}

/**
 * Lets a server close although clients keep their connections open.
 *
 * A connection that is idle when closing begins is ended by Fastify. One with a request on it would become idle
 * after the answer and hold the process for as long as its client likes: so that answer is its last. A request
 * that is still not answered after `graceMs`, because its body trickles in, say, is cut off.
 */
export function endConnectionsOnClose(fastify: ClosingServer, graceMs: number): void {
  let isClosing = false;
  let cutOff: NodeJS.Timeout | undefined;
  fastify.addHook('preClose', (done) => {
    isClosing = true;
    cutOff = setTimeout(() => fastify.server.closeAllConnections(), graceMs);
    done();
  });
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (isClosing) reply.header('connection', 'close');
    done(null, payload);
  });
  fastify.addHook('onClose', (_instance, done) => {
    clearTimeout(cutOff);
    done();
  });
}
