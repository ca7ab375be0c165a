import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { BrokerBreaker } from '../../../services/common/broker-breaker.ts';
import { FLASH_ORDERS } from '../../../services/contracts/flash-orders.ts';
import { FlashSaleRepository } from '../../../services/flashsale/persistence/flash-sale.repository.ts';
import { SaleKeys } from '../../../services/flashsale/redis/sale-keys.ts';
import { SaleRebuild } from '../../../services/flashsale/redis/sale-rebuild.ts';
import { SaleRedis } from '../../../services/flashsale/redis/sale-redis.ts';
import { SaleState } from '../../../services/flashsale/redis/sale-state.ts';
import { until } from '../../support/deadline.ts';
import type { FakePeer } from './fake-peer.ts';
import { RedisProxy } from './redis-proxy.ts';
import {
  opened,
  order,
  remainingOf,
  settle,
  startGate,
  ticketOf,
  wellStocked,
} from './sale-desk.ts';
import { dropSchema, newSchema, NO_BROKER, type RunningService } from './shop.ts';

let broker: TestBroker;
let stock: FakePeer;
let schema: string;
let redis: RedisProxy;
/** Of the same sales: one sees the world through what fails in a test. */
let gate: RunningService;
let witness: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await broker.createTopic(FLASH_ORDERS);
  stock = await wellStocked();
  schema = newSchema();
  redis = await RedisProxy.start();
  const { namesrvAddr } = broker;
  // Longer than a disk or a processor that others use lets the broker and Redis wait: no test is about that.
  const env = { FLASHSALE_SEND_TIMEOUT_MS: '8000', FLASHSALE_PENDING_TIMEOUT_MS: '16000' };
  gate = await startGate(stock, { schema, namesrvAddr, redisUrl: redis.url, env });
  witness = await startGate(stock, { schema, namesrvAddr });
});

afterEach(async () => {
  broker.faults.endAll();
  redis.comeBack();
  redis.letGo();
  gate.app.get(BrokerBreaker).close();
  await until(() => gate.app.get(SaleRedis).isReady, { what: 'the gate has Redis' });
});

afterAll(async () => {
  await gate[Symbol.asyncDispose]();
  await witness[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await dropSchema(schema);
  await stock[Symbol.asyncDispose]();
  await broker.close();
});

const pendingOf = (saleId: string): Promise<string[]> =>
  witness.app
    .get(SaleState)
    .pending(saleId, -1_000, 100)
    .then((tickets) => tickets.map(({ userId }) => userId));

const messagesOf = async (ticketNo: string): Promise<number> =>
  (await broker.messages(FLASH_ORDERS)).filter(({ keys }) => keys.includes(ticketNo)).length;

/** Makes the sale's state that of a server which has gone: what a restart of Redis does. */
async function forgetServer(saleId: string): Promise<void> {
  const [stateKey] = witness.app.get(SaleKeys).of(saleId);
  await witness.app.get(SaleRedis).client.set(stateKey!, 'another-run-id');
}

/** As the keeper does, from a ledger in which nobody has a piece. */
async function rebuilt(
  saleId: string,
  holders: { ticketNo: string; userId: string }[] = [],
): Promise<number> {
  const rebuild = witness.app.get(SaleRebuild);
  const sale = await witness.app.get(FlashSaleRepository).find(witness.database.manager, saleId);
  const token = randomUUID();
  expect(await rebuild.begin(saleId, token)).toBe('BEGUN');
  expect(await rebuild.load(saleId, token, holders)).toBe(true);
  return (await rebuild.finish(sale!, token))!.remaining;
}

describe('with the broker away', () => {
  it('tickets are spooled, all in one transaction, and customers hear the same', async () => {
    await using lonely = await startGate(stock, { schema, namesrvAddr: NO_BROKER });
    const saleId = await opened(witness);
    const outcomes = await Promise.all(
      ['ann', 'bob', 'eve'].map(async (userId) => (await order(lonely, saleId, userId)).outcome),
    );
    expect(outcomes).toEqual(['202', '202', '202']);
    expect(await pendingOf(saleId)).toEqual([]);
    // The relay of the gate that has a broker sends what the other has spooled.
    await until(async () => (await witness.count('outbox_messages', 'sent_at IS NULL')) === 0);
    const spooled = await witness.query<{ message_key: string; body: string }>(
      `SELECT message_key, body FROM outbox_messages WHERE body LIKE '%${saleId}%'`,
    );
    expect(spooled).toHaveLength(3);
    for (const { message_key: ticketNo, body } of spooled) {
      expect(JSON.parse(body)).toMatchObject({ ticketNo, saleId, quantity: 1 });
      expect(await messagesOf(ticketNo)).toBe(1);
    }
  });

  it('a message that was stored and not answered for is spooled, too: the ticket’s number tells', async () => {
    const saleId = await opened(witness);
    broker.faults.dropConnections({ when: 'afterStored' });
    const ticketNo = await ticketOf(gate, saleId, 'ann');
    broker.faults.endAll();
    await until(async () => (await messagesOf(ticketNo)) >= 2);
    expect(await pendingOf(saleId)).toEqual([]);
  });

  it('what the broker cannot promise is spooled, too', async () => {
    const saleId = await opened(witness);
    broker.faults.flushDiskTimeout();
    const ticketNo = await ticketOf(gate, saleId, 'ann');
    broker.faults.endAll();
    expect(await witness.count('outbox_messages', `message_key = '${ticketNo}'`)).toBe(1);
  });
});

describe('with broker and database away', () => {
  /** The spool has no table. */
  async function withoutSpool(work: () => Promise<void>): Promise<void> {
    await witness.query('RENAME TABLE outbox_messages TO outbox_messages_away');
    try {
      await work();
    } finally {
      await witness.query('RENAME TABLE outbox_messages_away TO outbox_messages');
    }
  }

  it('nobody is admitted, and the piece is back at once', async () => {
    await using lonely = await startGate(stock, { schema, namesrvAddr: NO_BROKER });
    const saleId = await opened(witness, { stock: 1 });
    await withoutSpool(async () => {
      const { outcome, answer } = await order(lonely, saleId, 'ann');
      expect(outcome).toBe('503 SALE.UNAVAILABLE');
      expect(answer.headers.get('retry-after')).toBe('1');
    });
    expect([await remainingOf(witness, saleId), await pendingOf(saleId)]).toEqual([1, []]);
    await until(async () => (await order(lonely, saleId, 'ann')).outcome === '202');
  });

  it('a ticket whose message may be there is not given back: it stays pending, and its number is told', async () => {
    const saleId = await opened(witness, { stock: 1 });
    await withoutSpool(async () => {
      broker.faults.dropConnections({ when: 'afterStored' });
      const { outcome, answer } = await order(gate, saleId, 'ann');
      expect(outcome).toBe('503 SALE.OUTCOME_UNKNOWN');
      expect(answer.headers.get('location')).toMatch(/^\/tickets\/[\w-]+\?saleId=/);
    });
    expect([await remainingOf(witness, saleId), await pendingOf(saleId)]).toEqual([0, ['ann']]);
  });
});

describe('when Redis was restarted', () => {
  it('nobody is admitted until the sale’s state is built anew, and nothing of the old counts', async () => {
    const saleId = await opened(witness, { stock: 3 });
    const ticketNo = await ticketOf(gate, saleId, 'ann');
    await ticketOf(gate, saleId, 'bob');
    await forgetServer(saleId);
    const { outcome, answer } = await order(gate, saleId, 'eve');
    expect([outcome, answer.headers.get('retry-after')]).toEqual(['503 SALE.NOT_READY', '2']);
    // The ledger has heard of one of them.
    expect(await rebuilt(saleId, [{ ticketNo, userId: 'ann' }])).toBe(2);
    expect((await order(gate, saleId, 'ann')).outcome).toBe('409 SALE.ALREADY_BOUGHT');
    expect((await order(gate, saleId, 'bob')).outcome).toBe('202');
  });

  it('and its dump is of the middle of a rebuild, the builder has lost his turn, and another need not wait', async () => {
    const saleId = await opened(witness, { stock: 3 });
    const rebuild = witness.app.get(SaleRebuild);
    const sale = await witness.app.get(FlashSaleRepository).find(witness.database.manager, saleId);
    const [stateKey, , , , , , rebuildKey] = witness.app.get(SaleKeys).of(saleId);
    const { client } = witness.app.get(SaleRedis);
    await forgetServer(saleId);
    expect(await rebuild.begin(saleId, 'first')).toBe('BEGUN');
    expect(await rebuild.begin(saleId, 'second')).toBe('LOCKED');
    // As a server finds it that was started with what the one before it has saved.
    const [, token] = (await client.get(rebuildKey!))!.split(' ');
    await client.set(rebuildKey!, `${'0'.repeat(40)} ${token}`);
    await client.set(stateKey!, 'another-run-id');
    expect(await rebuild.load(saleId, 'first', [{ ticketNo: saleId, userId: 'ann' }])).toBe(false);
    expect(await rebuild.finish(sale!, 'first')).toBeUndefined();
    expect(await rebuilt(saleId)).toBe(3);
  });

  it('between admission and the answer, the customer has his ticket all the same: its message is safe', async () => {
    const saleId = await opened(witness);
    const delayed = broker.faults.delayReplies('1s', { times: 1 });
    const ordering = order(gate, saleId, 'ann');
    await delayed.struck();
    await forgetServer(saleId);
    const { outcome, ticketNo } = await ordering;
    expect(outcome).toBe('202');
    // With the broker, or in the spool for a moment.
    await until(async () => (await messagesOf(ticketNo)) >= 1);
  });

  it('a sale that was sold out is not said to be so any more', async () => {
    const saleId = await opened(witness, { stock: 1 });
    await ticketOf(gate, saleId, 'ann');
    expect((await order(gate, saleId, 'bob')).outcome).toBe('409 SALE.SOLD_OUT');
    await forgetServer(saleId);
    await until(async () => (await order(gate, saleId, 'bob')).outcome === '503 SALE.NOT_READY');
    expect(await rebuilt(saleId)).toBe(1);
    expect((await order(gate, saleId, 'bob')).outcome).toBe('202');
  });
});

describe('with Redis away', () => {
  it('nobody is admitted, and it goes on when it is back', async () => {
    const saleId = await opened(witness);
    redis.goAway();
    await until(async () => (await order(gate, saleId, 'ann')).outcome === '503 SALE.UNAVAILABLE');
    expect(await pendingOf(saleId)).toEqual([]);
    redis.comeBack();
    await until(async () => (await order(gate, saleId, 'ann')).outcome === '202');
  });

  it('an admission whose answer comes too late is taken back', async () => {
    const saleId = await opened(witness, { stock: 1 });
    redis.holdAnswers();
    expect((await order(gate, saleId, 'ann')).outcome).toBe('503 SALE.UNAVAILABLE');
    await until(async () => (await remainingOf(witness, saleId)) === 1);
    expect(await pendingOf(saleId)).toEqual([]);
    redis.letGo();
    await until(async () => (await order(gate, saleId, 'ann')).outcome === '202');
  });

  it('between admission and confirmation for a while, the customer has his ticket all the same', async () => {
    const saleId = await opened(witness);
    const delayed = broker.faults.delayReplies('1s', { times: 1 });
    const ordering = order(gate, saleId, 'ann');
    await delayed.struck();
    redis.goAway();
    redis.comeBack();
    expect((await ordering).outcome).toBe('202');
    expect(await pendingOf(saleId)).toEqual([]);
  });

  it('between admission and confirmation for long, nothing is promised: the ticket is pending', async () => {
    const saleId = await opened(witness);
    const delayed = broker.faults.delayReplies('1s', { times: 1 });
    const ordering = order(gate, saleId, 'ann');
    await delayed.struck();
    redis.goAway();
    const { outcome, answer } = await ordering;
    expect(outcome).toBe('503 SALE.OUTCOME_UNKNOWN');
    expect(answer.headers.get('location')).toMatch(/^\/tickets\/[\w-]+\?saleId=/);
    expect(await pendingOf(saleId)).toEqual(['ann']);
  });
});

it('a ticket that was given up before its message was known to be safe is no promise', async () => {
  const saleId = await opened(witness, { stock: 1 });
  const delayed = broker.faults.delayReplies('1s', { times: 1 });
  const ordering = order(gate, saleId, 'ann');
  await delayed.struck();
  const [lost] = await witness.app.get(SaleState).pending(saleId, -1_000, 1);
  await settle(witness, saleId, lost!, 'VOID');
  expect((await ordering).outcome).toBe('503 SALE.UNAVAILABLE');
  expect(await remainingOf(witness, saleId)).toBe(1);
});
