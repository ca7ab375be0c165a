/**
 * The shop without a queue, in a process of its own: one Fastify that does everything in the request.
 *
 * Settings: DATABASE_URL, THIRD_PARTY_URL, CHANNEL_SECRET; DATABASE_POOL_SIZE, 100 by default: as many as the services have
 *           together. Makes its schema `millrace_synchronous` anew, prints `listening on PORT`, ends with SIGTERM.
 */
import { createSynchronousPool } from './pool.ts';
import { createSynchronousServer } from './server.ts';
import { createSynchronousSchema } from './schema.ts';

const { DATABASE_URL, THIRD_PARTY_URL, CHANNEL_SECRET, DATABASE_POOL_SIZE = '100' } = process.env;
const missing = Object.entries({ DATABASE_URL, THIRD_PARTY_URL, CHANNEL_SECRET })
  .filter(([, value]) => !value)
  .map(([name]) => name);
if (!DATABASE_URL || !THIRD_PARTY_URL || !CHANNEL_SECRET) {
  throw new Error(`settings are missing: ${missing.join(', ')}`);
}

await createSynchronousSchema(DATABASE_URL);
const pool = createSynchronousPool(DATABASE_URL, Number(DATABASE_POOL_SIZE));
const server = await createSynchronousServer({
  pool,
  thirdPartyUrl: THIRD_PARTY_URL,
  channelSecret: CHANNEL_SECRET,
});
process.stdout.write(`listening on ${server.port}\n`);
process.once('SIGTERM', () => {
  void server.close().then(() => pool.end());
});
