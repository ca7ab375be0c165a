import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { BrokerBreaker } from '../../../services/common/broker-breaker.ts';
import { Clock } from '../../../services/common/clock.ts';
import {
  joining,
  MessageTransaction,
  MessageTransactions,
  TRANSACTION_KEY_PROPERTY,
  type JointWork,
} from '../../../services/common/message-transactions.ts';
import { createMessagingTables } from '../../../services/common/messaging-tables.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import type {
  LocalTransactionState,
  Message,
  TransactionSender,
} from '../../../services/common/mq.module.ts';
import { appendToOutbox, OutboxMessage } from '../../../services/common/outbox.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { until } from '../../support/deadline.ts';
import { DatabaseProxy } from './database-proxy.ts';
import { Tables } from './tables.ts';

class Effects1 implements MigrationInterface {
  name = 'Effects1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await createMessagingTables(runner);
    await runner.query('CREATE TABLE effects (id VARCHAR(64) NOT NULL PRIMARY KEY)');
  }

  async down(): Promise<void> {
    await Promise.resolve();
  }
}

/** A broker that takes every half message, and remembers by key what it was told of it. */
class FakeSender implements TransactionSender {
  readonly states = new Map<string, LocalTransactionState>();

  async sendMessageInTransaction(
    message: Message,
    executeLocalTransaction: () => Promise<LocalTransactionState>,
  ): Promise<{ status: 'SEND_OK'; msgId: string }> {
    this.states.set([message.keys].flat()[0]!, await executeLocalTransaction());
    return { status: 'SEND_OK', msgId: 'M1' };
  }
}

let tables: Tables;
let sender: FakeSender;

beforeAll(async () => {
  tables = await Tables.create([MessageTransaction, OutboxMessage], [Effects1]);
});
afterEach(async () => {
  for (const table of ['effects', 'outbox_messages', 'message_transactions']) {
    await tables.dataSource.query(`DELETE FROM ${table}`);
  }
});
afterAll(() => tables[Symbol.asyncDispose]());

/** Makes the effects of these, which come in one moment; returns what each came to, and in what runs. */
class World {
  readonly runs: string[][] = [];
  readonly transactions: MessageTransactions;
  readonly #joint: JointWork<string, string>;

  constructor(dataSource: DataSource = tables.dataSource) {
    sender = new FakeSender();
    this.transactions = new MessageTransactions({
      dataSource,
      sender,
      relay: { wake: () => undefined },
      breaker: new BrokerBreaker(),
      clock: new Clock(),
      metrics: new Metrics('test'),
      log: recordingLog().log,
    });
    this.#joint = this.transactions.jointly(async (manager, ids) => {
      this.runs.push([...ids]);
      await manager.query('INSERT INTO effects (id) VALUES ?', [ids.map((id) => [id])]);
      return ids.map((id) => `${id} together`);
    });
  }

  announceAll(ids: readonly string[]): Promise<PromiseSettledResult<string>[]> {
    return Promise.allSettled(
      ids.map((id) =>
        this.transactions.announce(
          eventOf(id),
          async (manager) => {
            this.runs.push([id]);
            await manager.query('INSERT INTO effects (id) VALUES (?)', [id]);
            return { commit: `${id} alone` };
          },
          { transactionKey: `T-${id}`, joined: joining(this.#joint, id) },
        ),
      ),
    );
  }

  check(id: string): Promise<LocalTransactionState> {
    const properties = new Map([[TRANSACTION_KEY_PROPERTY, `T-${id}`]]);
    return this.transactions.check({ msgId: 'M1', keys: [id], properties });
  }
}

const eventOf = (key: string) => ({
  topic: 'ORDER_EVENTS',
  tag: 'Paid',
  key,
  payload: { type: 'Paid', orderNo: key },
  createdAt: new Date(),
});

async function effects(): Promise<string[]> {
  const rows: { id: string }[] = await tables.dataSource.query(
    'SELECT id FROM effects ORDER BY id',
  );
  return rows.map(({ id }) => id);
}

async function spooled(): Promise<string[]> {
  const rows: { key: string }[] = await tables.dataSource.query(
    'SELECT message_key AS `key` FROM outbox_messages ORDER BY message_key',
  );
  return rows.map(({ key }) => key);
}

const ids = ['a', 'b', 'c'];

describe('changes that are made together', () => {
  it('are one transaction, and each has its own message seen', async () => {
    const world = new World();
    expect(await world.announceAll(ids)).toMatchObject(
      ids.map((id) => ({ value: `${id} together` })),
    );
    expect(world.runs).toEqual([ids]);
    expect([...sender.states]).toEqual(ids.map((id) => [id, 'COMMIT_MESSAGE']));
    expect(await effects()).toEqual(ids);
  });

  it('are made alone when one of them cannot be, which alone fails', async () => {
    const world = new World();
    await tables.dataSource.query("INSERT INTO effects (id) VALUES ('b')");
    expect(await world.announceAll(ids)).toMatchObject([
      { value: 'a alone' },
      { reason: { code: 'ER_DUP_ENTRY' } },
      { value: 'c alone' },
    ]);
    expect(sender.states.get('b')).toBe('ROLLBACK_MESSAGE');
    expect([await world.check('a'), await world.check('b')]).toEqual([
      'COMMIT_MESSAGE',
      'ROLLBACK_MESSAGE',
    ]);
    expect(await effects()).toEqual(ids);
  });

  it('are made without the one that a check-back has ended', async () => {
    const world = new World();
    expect(await world.check('c')).toBe('ROLLBACK_MESSAGE');
    expect(await world.announceAll(ids)).toMatchObject([
      { value: 'a alone' },
      { value: 'b alone' },
      { reason: { code: 'TRANSACTION.ENDED' } },
    ]);
    expect(await effects()).toEqual(['a', 'b']);
  });

  it('spool the message of the one alone before which another of its key still waits', async () => {
    const world = new World();
    await tables.dataSource.transaction((manager) => appendToOutbox(manager, eventOf('b')));
    await world.announceAll(ids);
    expect(world.runs).toEqual([ids]);
    expect([...sender.states]).toEqual([
      ['a', 'COMMIT_MESSAGE'],
      ['b', 'ROLLBACK_MESSAGE'],
      ['c', 'COMMIT_MESSAGE'],
    ]);
    expect(await spooled()).toEqual(['b', 'b']);
    expect(await world.check('b')).toBe('ROLLBACK_MESSAGE');
  });

  it.each([
    ['before', [], 'ROLLED_BACK'],
    ['after', ids, 'SPOOLED'],
  ] as const)(
    'of which nobody knows whether they were committed (cut %s the server had it) are not tried again but found out about',
    async (cut, expected, outcome) => {
      await using proxy = await DatabaseProxy.start();
      const dataSource = await tables.through(proxy.port);
      try {
        const world = new World(dataSource);
        proxy.cutAtCommit(cut);
        const unknown = { reason: { code: 'DATABASE.OUTCOME_UNKNOWN', kind: 'unavailable' } };
        expect(await world.announceAll(ids)).toMatchObject(ids.map(() => unknown));
        expect(world.runs).toEqual([ids]);
        expect([...sender.states]).toEqual(ids.map((id) => [id, 'UNKNOW']));
        await until(
          async () => (await tables.count('message_transactions', `outcome = '${outcome}'`)) === 3,
          { what: 'the outcome of each' },
        );
        expect(await effects()).toEqual(expected);
        expect(await spooled()).toEqual(expected);
      } finally {
        await dataSource.destroy();
      }
    },
  );
});
