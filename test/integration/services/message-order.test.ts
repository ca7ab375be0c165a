import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager, MigrationInterface, QueryRunner } from 'typeorm';
import { BrokerBreaker } from '../../../services/common/broker-breaker.ts';
import { Clock } from '../../../services/common/clock.ts';
import {
  MessageTransaction,
  MessageTransactions,
} from '../../../services/common/message-transactions.ts';
import { createMessagingTables } from '../../../services/common/messaging-tables.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import {
  MqError,
  type LocalTransactionState,
  type Message,
  type MessageSender,
  type TransactionSender,
} from '../../../services/common/mq.module.ts';
import { OutboxRelay } from '../../../services/common/outbox-relay.ts';
import { OutboxMessage } from '../../../services/common/outbox.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { until } from '../../support/deadline.ts';
import { Tables } from './tables.ts';

const ORDER_COUNT = 3;
const CUSTOMER_COUNT = 12;
const EVENTS_EACH = 40;

class Orders1 implements MigrationInterface {
  name = 'Orders1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await createMessagingTables(runner);
    await runner.query(
      'CREATE TABLE changes (order_no VARCHAR(64) NOT NULL PRIMARY KEY, count INT NOT NULL) ENGINE = InnoDB',
    );
  }

  async down(): Promise<void> {
    await Promise.resolve();
  }
}

interface Seen {
  eventId: string;
  orderNo: string;
}

let tables: Tables;

beforeAll(async () => {
  tables = await Tables.create([MessageTransaction, OutboxMessage], [Orders1]);
});
afterAll(() => tables[Symbol.asyncDispose]());

type Sent = Awaited<ReturnType<MessageSender['send']>>;

/** One process's way to the broker, which comes and goes; the broker itself keeps what it is given in that order. */
class Way implements MessageSender, TransactionSender {
  isCut = false;
  readonly #seen: Seen[];

  constructor(seen: Seen[]) {
    this.#seen = seen;
  }

  async send({ body }: Message): Promise<Sent> {
    await this.#travel();
    this.#seen.push(JSON.parse(String(body)) as Seen);
    // The answer takes its time: what was sent is not marked so yet.
    await delay(Math.random() * 5);
    return { status: 'SEND_OK', msgId: 'M1' };
  }

  async sendMessageInTransaction(
    { body }: Message,
    executeLocalTransaction: () => Promise<LocalTransactionState>,
  ): Promise<Sent> {
    await this.#travel();
    if ((await executeLocalTransaction()) === 'COMMIT_MESSAGE') {
      this.#seen.push(JSON.parse(String(body)) as Seen);
    }
    return { status: 'SEND_OK', msgId: 'M1' };
  }

  async #travel(): Promise<void> {
    await delay(Math.random() * 5);
    if (this.isCut) throw new MqError('CONNECT_FAILED', 'cut', { retriable: true });
  }
}

function startProcess(seen: Seen[]): { way: Way; relay: OutboxRelay; sender: MessageTransactions } {
  const way = new Way(seen);
  const { dataSource } = tables;
  const [clock, { log }] = [new Clock(), recordingLog()];
  const settings = { pollMs: 20, batchCount: 8, concurrency: 4, minBackoffMs: 5, maxBackoffMs: 20 };
  const relay = new OutboxRelay({ dataSource, sender: way, settings, clock, log });
  // So that it knocks again soon.
  let steadyMs = 0;
  const breaker = new BrokerBreaker(() => (steadyMs += 300));
  const metrics = new Metrics('test');
  const sender = new MessageTransactions({
    dataSource,
    sender: way,
    relay,
    breaker,
    clock,
    metrics,
    log,
  });
  relay.onApplicationBootstrap();
  return { way, relay, sender };
}

it('the events of an order are seen in the order they happened, from two processes that come and go', async () => {
  const seen: Seen[] = [];
  const processes = [startProcess(seen), startProcess(seen)];
  const flicker = setInterval(() => {
    for (const { way } of processes) way.isCut = Math.random() < 0.4;
  }, 30);
  const orderNos = Array.from({ length: ORDER_COUNT }, (_, index) => `order-${index}`);
  for (const orderNo of orderNos) {
    await tables.dataSource.query('INSERT INTO changes VALUES (?, 0)', [orderNo]);
  }
  /** Which change of its order an event tells of. */
  const changeOf = new Map<string, number>();

  async function change(by: number, orderNo: string): Promise<void> {
    const eventId = randomUUID();
    const event = {
      topic: 'T',
      tag: 'X',
      key: orderNo,
      payload: { orderNo },
      createdAt: new Date(),
    };
    const work = async (manager: EntityManager): Promise<{ commit: undefined }> => {
      await manager.query('UPDATE changes SET count = count + 1 WHERE order_no = ?', [orderNo]);
      const [row]: { count: number }[] = await manager.query(
        'SELECT count FROM changes WHERE order_no = ?',
        [orderNo],
      );
      changeOf.set(eventId, row!.count);
      return { commit: undefined };
    };
    await processes[by % 2]!.sender.announce(event, work, { transactionKey: eventId });
  }

  await Promise.all(
    Array.from({ length: CUSTOMER_COUNT }, async (_, customer) => {
      for (let index = 0; index < EVENTS_EACH; index += 1) {
        await change(customer, orderNos[(customer + index) % ORDER_COUNT]!);
      }
    }),
  );
  clearInterval(flicker);
  for (const { way } of processes) way.isCut = false;
  await until(async () => (await processes[0]!.relay.unsentCount()) === 0, { what: 'all sent' });
  for (const { relay } of processes) await relay.onApplicationShutdown();

  // Some of them have waited, and some have not, or this has tested nothing.
  const spooledCount = await tables.count('outbox_messages');
  expect(spooledCount).toBeGreaterThan(0);
  expect(spooledCount).toBeLessThan(CUSTOMER_COUNT * EVENTS_EACH);
  for (const orderNo of orderNos) {
    const changes = seen
      .filter((event) => event.orderNo === orderNo)
      .map(({ eventId }) => changeOf.get(eventId));
    const count = (CUSTOMER_COUNT * EVENTS_EACH) / ORDER_COUNT;
    expect(changes).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  }
}, 60_000);
