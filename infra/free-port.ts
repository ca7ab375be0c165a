import { once } from 'node:events';
import { createServer } from 'node:net';
import { describeHolder, portHolder } from './port-holder.ts';

const handedOut = new Set<number>();

/** The port that the command in `.millrace/run-N` prefers: two that start at the same moment must not find one free. */
export function preferredPort(usual: number, slotNumber: number): number {
  return usual + 10 * (slotNumber - 1);
}

/**
 * A port on 127.0.0.1 that nobody listens on: the preferred one if it is free, else one the system picks, and then it is said who
 * has the preferred one. `whose`: of what, for people.
 */
export async function freePort(preferred = 0, whose = 'something'): Promise<number> {
  for (const wanted of [preferred, 0, 0, 0, 0]) {
    const port = await tryPort(wanted);
    if (port === undefined || handedOut.has(port)) continue;
    handedOut.add(port);
    if (preferred !== 0 && wanted === 0 && !handedOut.has(preferred)) {
      const holder = describeHolder(await portHolder(preferred));
      console.log(`  Port ${preferred} is held by ${holder}: ${whose} gets ${port} instead.`);
    }
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
