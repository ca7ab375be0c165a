import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { until } from '../../support/deadline.ts';
import { DatabaseProxy } from './database-proxy.ts';
import { FlashSaleWorld, users } from './flashsale-world.ts';

let proxy: DatabaseProxy;
let world: FlashSaleWorld;

/** Only the keeper's own way to the database leads through the proxy. */
beforeEach(async () => {
  proxy = await DatabaseProxy.start();
  const url = new URL(process.env['DATABASE_URL'] ?? '');
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  world = await FlashSaleWorld.start({ keeper: { DATABASE_URL: url.href } });
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

it.each([
  ['before', 'taken = taken +'],
  ['after', 'taken = taken +'],
  ['before', `'ORDERED'`],
  ['after', `'ORDERED'`],
] as const)(
  'comes out right when the database is cut off %s a commit with %s',
  async (cut, marker) => {
    const sale = await world.open({ stock: 60 });
    proxy.cutAtCommit(cut, marker);
    const requests = await world.buy(sale, users(50));
    await world.untilStatuses(sale, [`ORDERED ${requests.length}`], 30_000);
    await until(async () => (await world.state.read(sale.saleId)).remaining === 10);
    await until(
      async () =>
        (await world.state.lookUp(sale.saleId, requests[49]!.ticketNo))?.outcome?.status ===
        'ORDERED',
      { what: 'the outcome' },
    );
    expect(await world.differences(sale)).toEqual([]);
    const suspended = world.keeper
      .lines()
      .filter((line) => line['msg'] === 'messages not handled, their queue is suspended');
    expect(suspended.length).toBeGreaterThan(0);
  },
  60_000,
);

it.each(['before', 'after'] as const)(
  'gives a ticket up once when the database is cut off %s that commit',
  async (cut) => {
    const sale = await world.open({ stock: 5 });
    proxy.cutAtCommit(cut, `'VOID'`);
    await world.admit(sale, users(3));
    await world.untilStatuses(sale, ['VOID 3'], 30_000);
    await until(async () => (await world.state.read(sale.saleId)).remaining === 5, {
      what: 'the pieces back',
    });
    expect(await world.differences(sale)).toEqual([]);
  },
  60_000,
);
