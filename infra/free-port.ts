import { once } from 'node:events';
import { createServer } from 'node:net';

const handedOut = new Set<number>();

/** The port that the command in `.millrace/run-N` prefers: two that start at the same moment must not find one free. */
export function preferredPort(usual: number, slotNumber: number): number {
  return usual + 10 * (slotNumber - 1);
}

/** A port on 127.0.0.1 that nobody listens on: the preferred one if it is free, else one the system picks. */
export async function freePort(preferred = 0): Promise<number> {
  for (const wanted of [preferred, 0, 0, 0, 0]) {
    const port = await tryPort(wanted);
    if (port === undefined || handedOut.has(port)) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error('no free port found on 127.0.0.1');
}

async function tryPort(wanted: number): Promise<number | undefined> {
  const server = createServer();
  const outcome = new Promise<number | undefined>((resolve) => {
    server.once('error', () => resolve(undefined));
    server.once('listening', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : undefined);
    });
  });
  server.listen(wanted, '127.0.0.1');
  const port = await outcome;
  if (server.listening) {
    server.close();
    await once(server, 'close');
  }
  return port;
}
