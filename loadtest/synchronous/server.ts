import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import type { Pool } from 'mysql2/promise';
import { priceOf } from './catalogue.ts';
import { ChargeCallbacks } from './charge-callbacks.ts';
import { Checkout } from './checkout.ts';
import type { Line } from './order-figures.ts';
import { Refusal } from './refusal.ts';
import { ThirdParty } from './third-party.ts';

export interface SynchronousServer {
  port: number;
  close(): Promise<void>;
}

/** `POST /checkouts` and the callbacks of the channel, listening on a free port of 127.0.0.1. */
export async function createSynchronousServer(parts: {
  pool: Pool;
  thirdPartyUrl: string;
  channelSecret: string;
}): Promise<SynchronousServer> {
  const app = fastify({ forceCloseConnections: true });
  const callbacks = new ChargeCallbacks(parts.channelSecret);
  app.removeContentTypeParser('application/json');
  // A signature is over the bytes that came.
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof Refusal) return reply.code(error.status).send({ detail: error.message });
    process.stderr.write(
      `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return reply.code(500).send({ detail: 'something is broken' });
  });
  app.post<{ Body: string }>('/channel-callbacks', (request, reply) =>
    reply.code(callbacks.take(request.headers, request.body)).send(),
  );
  const portOf = (): number => (app.server.address() as AddressInfo).port;
  const thirdParty = new ThirdParty(parts.thirdPartyUrl, callbacks, () => {
    return `http://127.0.0.1:${portOf()}/channel-callbacks`;
  });
  const checkout = new Checkout(parts.pool, thirdParty);
  app.post<{ Body: string }>('/checkouts', async (request, reply) => {
    const wish = readWish(request.headers['idempotency-key'], request.body);
    return reply.code(201).send(await checkout.execute(wish));
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { port: portOf(), close: () => app.close() };
}

/** Errors: a Refusal, 400, naming the field. */
function readWish(
  key: string | string[] | undefined,
  body: string,
): { idempotencyKey: string; userId: string; lines: Line[] } {
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(key)) {
    throw new Refusal(400, 'Idempotency-Key must be 1 to 128 visible characters');
  }
  const { userId, items } = parsed(body) as { userId?: unknown; items?: unknown };
  if (typeof userId !== 'string' || !/^[\w.@-]{1,64}$/.test(userId)) {
    throw new Refusal(400, 'userId must be 1 to 64 letters, digits or one of . _ @ -');
  }
  if (!Array.isArray(items) || items.length === 0 || items.length > 100) {
    throw new Refusal(400, 'items must be a list of 1 to 100 { sku, quantity }');
  }
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of items as { sku?: unknown; quantity?: unknown }[]) {
    if (typeof sku !== 'string' || priceOf(sku) === undefined) {
      throw new Refusal(400, 'items names a sku that is not in the catalogue');
    }
    if (!Number.isInteger(quantity) || (quantity as number) < 1 || (quantity as number) > 999) {
      throw new Refusal(400, 'items names a quantity that is no whole number from 1 to 999');
    }
    quantities.set(sku, (quantities.get(sku) ?? 0) + (quantity as number));
  }
  const lines = [...quantities]
    .map(([sku, quantity]) => ({ sku, quantity, unitPriceMinor: priceOf(sku)! }))
    .sort((a, b) => (a.sku < b.sku ? -1 : 1));
  return { idempotencyKey: key, userId, lines };
}

function parsed(body: string): object {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Refusal(400, 'the body is no JSON object');
}
