import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { DataSource, EntityManager, MigrationInterface, QueryRunner } from 'typeorm';
import { Clock } from '../../../services/common/clock.ts';
import { BrokerBreaker } from '../../../services/common/broker-breaker.ts';
import { createMessagingTables } from '../../../services/common/messaging-tables.ts';
import {
  MessageTransaction,
  MessageTransactions,
  TRANSACTION_KEY_PROPERTY,
  type Decision,
  type TransactionOutcome,
} from '../../../services/common/message-transactions.ts';
import {
  MqError,
  type HalfMessage,
  type LocalTransactionState,
  type Message,
  type TransactionSender,
} from '../../../services/common/mq.module.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import { appendToOutbox, OutboxMessage } from '../../../services/common/outbox.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { until } from '../../support/deadline.ts';
import { DatabaseProxy } from './database-proxy.ts';
import { Tables } from './tables.ts';

type Status = Awaited<ReturnType<TransactionSender['sendMessageInTransaction']>>['status'];

/** A broker that takes half messages and remembers what it was told of each. */
class FakeSender implements TransactionSender {
  readonly ended: { message: Message; state: LocalTransactionState }[] = [];
  status: Status = 'SEND_OK';
  /** Between half message and local transaction; throwing means that the half message was not taken. */
  beforeLocal: (transactionKey: string) => Promise<void> = () => Promise.resolve();
  afterLocal: () => void = () => undefined;

  async sendMessageInTransaction(
    message: Message,
    executeLocalTransaction: () => Promise<LocalTransactionState>,
  ): Promise<{ status: Status; msgId: string }> {
    await this.beforeLocal(message.properties?.[TRANSACTION_KEY_PROPERTY] ?? '');
    if (this.status === 'SEND_OK') {
      this.ended.push({ message, state: await executeLocalTransaction() });
      this.afterLocal();
    }
    return { status: this.status, msgId: 'M1' };
  }

  get states(): LocalTransactionState[] {
    return this.ended.map(({ state }) => state);
  }
}

class Effects1 implements MigrationInterface {
  name = 'Effects1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await createMessagingTables(runner);
    await runner.query(
      'CREATE TABLE effects (id VARCHAR(64) NOT NULL PRIMARY KEY) ENGINE = InnoDB',
    );
  }

  async down(): Promise<void> {
    await Promise.resolve();
  }
}

let tables: Tables;

beforeAll(async () => {
  tables = await Tables.create([MessageTransaction, OutboxMessage], [Effects1]);
});
afterEach(async () => {
  await tables.dataSource.query('DELETE FROM effects');
  await tables.dataSource.query('DELETE FROM outbox_messages');
});
afterAll(() => tables[Symbol.asyncDispose]());

const event = {
  topic: 'ORDER_EVENTS',
  tag: 'Created',
  key: '4711',
  payload: { type: 'Created', orderNo: '4711' },
  createdAt: new Date(),
};

function transactions(
  sender: TransactionSender = new FakeSender(),
  dataSource: DataSource = tables.dataSource,
  breaker = new BrokerBreaker(),
): MessageTransactions {
  return new MessageTransactions({
    dataSource,
    sender,
    relay: { wake: () => undefined },
    breaker,
    clock: new Clock(),
    metrics: new Metrics('test'),
    log: recordingLog().log,
  });
}

async function effect(manager: EntityManager): Promise<Decision<string>> {
  await manager.query('INSERT INTO effects (id) VALUES (?)', [randomUUID()]);
  return { commit: 'done' };
}

const effects = (): Promise<number> => tables.count('effects');

const halfMessage = (transactionKey: string): HalfMessage => ({
  msgId: 'M1',
  keys: ['4711'],
  properties: new Map([[TRANSACTION_KEY_PROPERTY, transactionKey]]),
});

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a message transaction', () => {
  it('commits the change and lets the message be seen', async () => {
    const sender = new FakeSender();
    expect(await transactions(sender).announce(event, effect)).toBe('done');
    expect(await effects()).toBe(1);
    const [{ message, state }] = sender.ended as [FakeSender['ended'][number]];
    expect(state).toBe('COMMIT_MESSAGE');
    const eventId = message.properties?.[TRANSACTION_KEY_PROPERTY];
    expect(message).toMatchObject({ topic: 'ORDER_EVENTS', tags: 'Created', keys: '4711' });
    expect(JSON.parse(message.body as string)).toEqual({ eventId, ...event.payload });
    expect(await transactions().check(halfMessage(eventId!))).toBe('COMMIT_MESSAGE');
  });

  it('undoes everything and hides the message when the work decides against it', async () => {
    const sender = new FakeSender();
    const decided = await transactions(sender).announce(event, async (manager) => {
      await effect(manager);
      return { rollback: 'somebody else was first' };
    });
    expect(decided).toBe('somebody else was first');
    expect(await effects()).toBe(0);
    expect(sender.states).toEqual(['ROLLBACK_MESSAGE']);
  });

  it('undoes everything and hides the message when the work fails', async () => {
    const sender = new FakeSender();
    const failing = transactions(sender).announce(event, async (manager) => {
      await effect(manager);
      throw new Error('there is no sku UFO');
    });
    await expect(failing).rejects.toThrow('there is no sku UFO');
    expect(await effects()).toBe(0);
    expect(sender.states).toEqual(['ROLLBACK_MESSAGE']);
  });

  it('does not even begin when what must be sent first cannot be', async () => {
    const sender = new FakeSender();
    const failing = transactions(sender).announce(event, effect, {
      first: () => Promise.reject(new Error('no close message')),
    });
    await expect(failing).rejects.toThrow('no close message');
    expect(await effects()).toBe(0);
    expect(sender.states).toEqual(['ROLLBACK_MESSAGE']);
  });

  it('does not take its own mistake for an absent broker', async () => {
    const sender = new FakeSender();
    const mistake = new MqError('INVALID_ARGUMENT', 'key "a b" is no text without blanks');
    sender.beforeLocal = () => Promise.reject(mistake);
    await expect(transactions(sender).announce(event, effect)).rejects.toBe(mistake);
  });

  it('stays committed when the broker cannot be told', async () => {
    const sender = new FakeSender();
    sender.afterLocal = () => {
      throw new MqError('CONNECTION_CLOSED', 'gone');
    };
    expect(await transactions(sender).announce(event, effect)).toBe('done');
    expect(await effects()).toBe(1);
  });
});

interface Spooled {
  eventId: string;
  body: string;
}

const spooled = (): Promise<Spooled[]> =>
  tables.dataSource.query('SELECT event_id AS eventId, body FROM outbox_messages ORDER BY id');

const away = (): Promise<void> =>
  Promise.reject(new MqError('CONNECT_FAILED', 'refused', { retriable: true }));

describe('without a broker a message transaction', () => {
  it('commits all the same, and its message is a row of the outbox', async () => {
    const sender = new FakeSender();
    let key = '';
    sender.beforeLocal = (given) => {
      key = given;
      return away();
    };
    expect(await transactions(sender).announce(event, effect)).toBe('done');
    expect(await effects()).toBe(1);
    const [row, ...more] = await spooled();
    expect(more).toEqual([]);
    expect(row?.eventId).toBe(key);
    expect(JSON.parse(row?.body ?? '')).toEqual({ eventId: key, ...event.payload });
  });

  it('has a half message rolled back that was stored although nobody heard so', async () => {
    const sender = new FakeSender();
    let key = '';
    sender.beforeLocal = (given) => {
      key = given;
      return away();
    };
    await transactions(sender).announce(event, effect);
    expect(await transactions().check(halfMessage(key))).toBe('ROLLBACK_MESSAGE');
    expect(await transactions().settle(key)).toBe('SPOOLED');
  });

  it.each<Status>(['FLUSH_DISK_TIMEOUT', 'FLUSH_SLAVE_TIMEOUT', 'SLAVE_NOT_AVAILABLE'])(
    'does not rely on a half message that a crash could take (%s)',
    async (status) => {
      const sender = new FakeSender();
      sender.status = status;
      expect(await transactions(sender).announce(event, effect)).toBe('done');
      expect(await effects()).toBe(1);
      expect(await spooled()).toHaveLength(1);
    },
  );

  it('undoes everything when the work decides against it, or fails', async () => {
    const sender = new FakeSender();
    sender.beforeLocal = away;
    const decided = await transactions(sender).announce(event, async (manager) => {
      await effect(manager);
      return { rollback: 'no' };
    });
    expect(decided).toBe('no');
    const failing = transactions(sender).announce(event, async (manager) => {
      await effect(manager);
      throw new Error('there is no sku UFO');
    });
    await expect(failing).rejects.toThrow('there is no sku UFO');
    expect(await effects()).toBe(0);
    expect(await spooled()).toEqual([]);
  });

  it('knocks three times once a second, and not at every order', async () => {
    let nowMs = 0;
    let knockCount = 0;
    const sender = new FakeSender();
    sender.beforeLocal = () => {
      knockCount += 1;
      return away();
    };
    const announce = (): Promise<string> =>
      transactions(sender, tables.dataSource, breaker).announce(event, effect);
    const breaker = new BrokerBreaker(() => nowMs);
    await announce();
    await announce();
    nowMs = 999;
    await announce();
    expect(knockCount).toBe(3);
    nowMs = 1_000;
    await announce();
    expect(knockCount).toBe(6);
    expect(await spooled()).toHaveLength(4);
  });

  it('keeps the order of a key: what comes later waits behind what waits', async () => {
    const spool = new FakeSender();
    spool.beforeLocal = away;
    await transactions(spool).announce(event, effect);
    const sender = new FakeSender();
    const next = { ...event, tag: 'Paid', payload: { type: 'Paid', orderNo: '4711' } };
    await transactions(sender).announce(next, effect);
    expect(sender.states).toEqual(['ROLLBACK_MESSAGE']);
    expect(
      (await spooled()).map(({ body }) => (JSON.parse(body) as { type: string }).type),
    ).toEqual(['Created', 'Paid']);
    const key = sender.ended[0]?.message.properties?.[TRANSACTION_KEY_PROPERTY] ?? '';
    expect(await transactions().check(halfMessage(key))).toBe('ROLLBACK_MESSAGE');
  });

  it('holds up nobody else: a message of another key goes straight to the broker', async () => {
    await appendToOutbox(tables.dataSource.manager, event);
    const sender = new FakeSender();
    await transactions(sender).announce({ ...event, key: '4712' }, effect);
    expect(sender.states).toEqual(['COMMIT_MESSAGE']);
    expect(await spooled()).toHaveLength(1);
  });

  it('and a check-back agree on the outcome, however they meet', async () => {
    for (let round = 0; round < 30; round++) {
      const sender = new FakeSender();
      let asking: Promise<TransactionOutcome> | undefined;
      sender.beforeLocal = (key) => {
        asking = transactions().settle(key);
        return away();
      };
      const before = await effects();
      const failure = await failureOf(transactions(sender).announce(event, effect));
      const answer = await asking;
      expect(answer).toBe(failure === undefined ? 'SPOOLED' : 'ROLLED_BACK');
      expect(await effects()).toBe(before + (failure === undefined ? 1 : 0));
      expect(await spooled()).toHaveLength(await effects());
    }
  });
});

describe('a check-back', () => {
  it('that finds nothing ends the transaction, and again says the same', async () => {
    const key = randomUUID();
    expect(await transactions().check(halfMessage(key))).toBe('ROLLBACK_MESSAGE');
    expect(await transactions().check(halfMessage(key))).toBe('ROLLBACK_MESSAGE');
  });

  it('before the local transaction wins: the transaction changes nothing and says why', async () => {
    const sender = new FakeSender();
    const answers: LocalTransactionState[] = [];
    sender.beforeLocal = async (key) => {
      answers.push(await transactions().check(halfMessage(key)));
    };
    await expect(transactions(sender).announce(event, effect)).rejects.toMatchObject({
      code: 'TRANSACTION.ENDED',
      kind: 'unavailable',
    });
    expect(answers).toEqual(['ROLLBACK_MESSAGE']);
    expect(sender.states).toEqual(['ROLLBACK_MESSAGE']);
    expect(await effects()).toBe(0);
  });

  it.each<[string, 'commit' | 'rollback', LocalTransactionState]>([
    ['commits', 'commit', 'COMMIT_MESSAGE'],
    ['is rolled back', 'rollback', 'ROLLBACK_MESSAGE'],
  ])('during a local transaction waits for it: one that %s', async (_how, ending, answer) => {
    const sender = new FakeSender();
    let key = '';
    sender.beforeLocal = (given) => {
      key = given;
      return Promise.resolve();
    };
    let asking: Promise<LocalTransactionState> | undefined;
    await transactions(sender).announce(event, async (manager) => {
      await effect(manager);
      asking = transactions().check(halfMessage(key));
      await untilSomebodyWaits(manager);
      return ending === 'commit' ? { commit: 'done' } : { rollback: 'done' };
    });
    expect(await asking).toBe(answer);
    expect(sender.states).toEqual([answer]);
    expect(await effects()).toBe(ending === 'commit' ? 1 : 0);
  });

  it('and a transaction agree on the outcome, however they meet', async () => {
    const outcomes: TransactionOutcome[] = [];
    for (let round = 0; round < 60; round++) {
      const sender = new FakeSender();
      let asking: Promise<TransactionOutcome[]> | undefined;
      sender.beforeLocal = (key) => {
        const askers = [transactions(), transactions(), transactions()];
        asking = Promise.all(askers.map((asker) => asker.settle(key)));
        return Promise.resolve();
      };
      const before = await effects();
      const failure = await failureOf(transactions(sender).announce(event, effect));
      const answers = new Set(await asking);
      const expected = failure === undefined ? 'COMMITTED' : 'ROLLED_BACK';
      expect([...answers]).toEqual([expected]);
      expect(await effects()).toBe(before + (failure === undefined ? 1 : 0));
      outcomes.push(expected);
    }
    expect(outcomes).toHaveLength(60);
  });

  it('about a half message that has no transaction key leaves it undecided', async () => {
    const stranger: HalfMessage = { msgId: 'M2', keys: [], properties: new Map() };
    expect(await transactions().check(stranger)).toBe('UNKNOW');
  });
});

describe('a connection lost at the commit', () => {
  it.each<[string, 'before' | 'after', LocalTransactionState, number]>([
    ['before the server had it: the check-back finds nothing', 'before', 'ROLLBACK_MESSAGE', 0],
    ['before its answer was read: the check-back finds the change', 'after', 'COMMIT_MESSAGE', 1],
  ])('%s', async (_what, cut, answer, effectCount) => {
    await using proxy = await DatabaseProxy.start();
    const dataSource = await tables.through(proxy.port);
    try {
      const sender = new FakeSender();
      let key = '';
      sender.beforeLocal = (given) => {
        key = given;
        proxy.cutAtCommit(cut);
        return Promise.resolve();
      };
      const announcing = transactions(sender, dataSource).announce(event, effect);
      await expect(announcing).rejects.toMatchObject({
        code: 'DATABASE.OUTCOME_UNKNOWN',
        kind: 'unavailable',
      });
      expect(sender.states).toEqual(['UNKNOW']);
      expect(await transactions().check(halfMessage(key))).toBe(answer);
      expect(await effects()).toBe(effectCount);
    } finally {
      await dataSource.destroy();
    }
  });
});

describe('a transaction of which nobody knows how it ended', () => {
  /** Its connection is lost at the commit, and no broker ever asks after its half message. */
  async function unsure(cut: 'before' | 'after'): Promise<string> {
    await using proxy = await DatabaseProxy.start();
    const dataSource = await tables.through(proxy.port);
    try {
      const sender = new FakeSender();
      let key = '';
      sender.beforeLocal = (given) => {
        key = given;
        proxy.cutAtCommit(cut);
        return Promise.resolve();
      };
      const announcing = transactions(sender, dataSource).announce(event, effect);
      await expect(announcing).rejects.toMatchObject({ code: 'DATABASE.OUTCOME_UNKNOWN' });
      await until(() => outcomeOf(key), { what: 'the outcome' });
      return key;
    } finally {
      await dataSource.destroy();
    }
  }

  /** As found out later; a transaction that was cut off may have had its row all the while. */
  async function outcomeOf(transactionKey: string): Promise<string | undefined> {
    const rows: { outcome: string }[] = await tables.dataSource.query(
      `SELECT outcome FROM message_transactions WHERE transaction_key = ? AND outcome <> 'COMMITTED'`,
      [transactionKey],
    );
    return rows[0]?.outcome;
  }

  it('has its message sent through the outbox when it turns out to be committed, and its half not', async () => {
    const key = await unsure('after');
    expect(await outcomeOf(key)).toBe('SPOOLED');
    expect(await spooled()).toMatchObject([{ eventId: key }]);
    expect(await transactions().check(halfMessage(key))).toBe('ROLLBACK_MESSAGE');
    expect(await effects()).toBe(1);
  });

  it('never happens when it turns out not to be', async () => {
    const key = await unsure('before');
    expect(await outcomeOf(key)).toBe('ROLLED_BACK');
    expect(await spooled()).toEqual([]);
    expect(await effects()).toBe(0);
  });
});

/** Returns when another connection waits for a lock that this transaction holds. */
async function untilSomebodyWaits(manager: EntityManager): Promise<void> {
  await until(
    async () => {
      const waiting: unknown[] = await manager.query(
        `SELECT 1 FROM information_schema.innodb_lock_waits
          JOIN information_schema.innodb_trx ON trx_id = blocking_trx_id
         WHERE trx_mysql_thread_id = CONNECTION_ID()`,
      );
      return waiting.length > 0;
    },
    // MariaDB shows a snapshot that it renews only when nobody has looked for 100 ms.
    { what: 'a check-back that waits', pollMs: 150 },
  );
}
