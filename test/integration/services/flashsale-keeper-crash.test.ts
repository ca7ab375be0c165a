import { expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { until } from '../../support/deadline.ts';
import { TestProcess } from '../../support/process.ts';
import { FlashSaleWorld } from './flashsale-world.ts';
import { CUSTOMER_TOKEN_SECRET, redisUrl } from './shop.ts';

const main = resolve(import.meta.dirname, '../../../services/dist/flashsale/main.js');
const STOCK = 250;
const KILL_COUNT = 3;

it('ends without any difference between tickets, orders, goods and Redis, though its process is killed again and again', async () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  await using world = await FlashSaleWorld.start({
    withoutKeeper: true,
    queueCount: 4,
    // Some orders are closed while others are placed: nobody pays any.
    order: { ORDER_PAY_TIMEOUT_MS: '5000' },
  });
  await using keeper = await TestProcess.start({
    args: [main],
    env: {
      NODE_OPTIONS: undefined,
      DATABASE_URL: process.env['DATABASE_URL'],
      DATABASE_SCHEMA: world.schemas.flashsale,
      REDIS_URL: redisUrl(),
      NAMESRV_ADDR: world.broker.namesrvAddr,
      CUSTOMER_TOKEN_SECRET,
      PORT: '0',
      ...world.keeperEnv,
      FLASHSALE_ROLE: 'keeper',
    },
    ready: /"msg":"listening"/,
    readyTimeoutMs: 60_000,
  });
  const sale = await world.open({ stock: STOCK });
  const promised = new Set<string>();
  let visitorCount = 0;
  const end = new AbortController();
  const failures: unknown[] = [];

  /** A gate's turn: now and then it dies between Redis and the broker, or sends something twice. */
  const turn = async (): Promise<void> => {
    const visitors = Array.from({ length: 20 }, () => `visitor-${(visitorCount += 1)}`);
    const requests = await world.admit(sale, visitors);
    if (requests.length === 0) {
      await until(
        async () => end.signal.aborted || (await world.state.read(sale.saleId)).remaining > 0,
        { what: 'pieces that come back', timeoutMs: 60_000, pollMs: 50 },
      );
      return;
    }
    const sent = requests.filter(() => random.below(12) > 0);
    if (sent.length === 0) return;
    await world.send(sent);
    if (random.below(5) === 0) await world.send(sent);
    if (random.below(8) === 0) return;
    const voids = new Set(await world.confirm(sale, sent));
    for (const { ticketNo } of sent) if (!voids.has(ticketNo)) promised.add(ticketNo);
  };
  const gate = async (): Promise<void> => {
    while (!end.signal.aborted) {
      try {
        await turn();
      } catch (error) {
        // Redis or the broker did not answer in time: nobody was promised anything.
        failures.push(error);
      }
    }
  };
  const gates = [gate(), gate()];
  const orderedCount = (): Promise<number> =>
    world.keeper.count('flash_tickets', `status IN ('ORDERED', 'RETURNED')`);
  for (let kill = 0; kill < KILL_COUNT; kill++) {
    const killAt = (await orderedCount()) + 20 + random.below(60);
    await until(async () => (await orderedCount()) >= killAt, {
      what: `${killAt} orders`,
      timeoutMs: 120_000,
      pollMs: 2 + random.below(20),
    });
    await keeper.kill();
    await keeper.restart();
  }
  end.abort();
  await Promise.all(gates);

  await until(
    async () => {
      const differences = await world.differences(sale);
      const open = await world.order.count('orders', `status = 'PENDING'`);
      if (open === 0 && differences.length === 0) return true;
      throw new Error(`${open} open orders; ${differences.slice(0, 5).join('; ')}`);
    },
    { what: `the end of every order, seed ${seed}`, timeoutMs: 120_000, pollMs: 300 },
  );
  // Nobody who was told that he is queued has been forgotten.
  const list = [...promised].map((ticketNo) => `'${ticketNo}'`).join();
  const kept = await world.keeper.count(
    'flash_tickets',
    `ticket_no IN (${list}) AND status IN ('ORDERED', 'RETURNED')`,
  );
  expect({ seed, kept, failures }).toMatchObject({ seed, kept: promised.size });
  // Whoever comes now finds as many pieces as there were in the beginning: all orders were closed.
  expect({ seed, ...(await world.state.read(sale.saleId)) }).toEqual({
    seed,
    state: 'OPEN',
    remaining: STOCK,
  });
  const twice = await world.order.query(
    'SELECT order_no FROM order_items GROUP BY order_no HAVING COUNT(*) > 1',
  );
  expect({ seed, twice }).toEqual({ seed, twice: [] });
}, 500_000);
