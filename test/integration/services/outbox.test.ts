import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Clock } from '../../../services/common/clock.ts';
import type { Message, MessageSender } from '../../../services/common/mq.module.ts';
import { appendToOutbox, OutboxMessage } from '../../../services/common/outbox.ts';
import { OutboxRelay } from '../../../services/common/outbox-relay.ts';
import {
  addOutboxDeliveryTime,
  createOutboxTables,
} from '../../../services/common/outbox-table.ts';
import { isDatabaseUnavailable } from '../../../services/common/database-errors.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { until, within } from '../../support/deadline.ts';
import { Tables } from './tables.ts';

type Status = Awaited<ReturnType<MessageSender['send']>>['status'];
interface Sent {
  key: string;
  tag: string;
  body: string;
  shardingKey: string | undefined;
  delayTimeMs: number | undefined;
}

/** A broker that keeps what it is sent, and fails or answers as a test says. */
class FakeSender implements MessageSender {
  readonly sent: Sent[] = [];
  answer: (sent: Sent) => Status | Promise<Status> = () => 'SEND_OK';

  async send(message: Message): Promise<{ status: Status; msgId: string }> {
    const sent = {
      key: String(message.keys),
      tag: message.tags ?? '',
      body: Buffer.from(message.body as Buffer).toString(),
      shardingKey: message.shardingKey,
      delayTimeMs: message.delayTimeMs,
    };
    const status = await this.answer(sent);
    this.sent.push(sent);
    return { status, msgId: `ID-${this.sent.length}` };
  }

  of(key: string): string[] {
    return this.sent.filter((sent) => sent.key === key).map(({ tag }) => tag);
  }
}

class Outbox1 implements MigrationInterface {
  name = 'Outbox1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await createOutboxTables(runner);
    await addOutboxDeliveryTime(runner);
  }

  async down(): Promise<void> {
    await Promise.resolve();
  }
}

let tables: Tables;
let sender: FakeSender;

beforeEach(async () => {
  tables = await Tables.create([OutboxMessage], [Outbox1]);
  sender = new FakeSender();
});

afterEach(async () => {
  await tables[Symbol.asyncDispose]();
});

function relay(to: MessageSender = sender, batchCount = 100): OutboxRelay {
  return new OutboxRelay({
    dataSource: tables.dataSource,
    sender: to,
    settings: { pollMs: 20, batchCount, concurrency: 8, minBackoffMs: 5, maxBackoffMs: 20 },
    clock: new Clock(),
    log: recordingLog().log,
  });
}

function append(key: string, tag: string, deliverAt?: Date): Promise<void> {
  const event = {
    topic: 'ORDER_EVENTS',
    tag,
    key,
    payload: { key, tag },
    createdAt: new Date(),
    ...(deliverAt && { deliverAt }),
  };
  return tables.dataSource.transaction((manager) => appendToOutbox(manager, event));
}

const unsent = (): Promise<number> => tables.count('outbox_messages', 'sent_at IS NULL');

describe('the outbox relay', () => {
  it('sends what was committed, per key in order and into one queue, and marks it', async () => {
    for (const tag of ['Created', 'Paid', 'Shipped']) {
      for (let order = 0; order < 20; order++) await append(`order-${order}`, tag);
    }
    expect(await relay().pass()).toEqual({ outcome: 'sent', sentCount: 60, hasMore: false });
    for (let order = 0; order < 20; order++) {
      expect(sender.of(`order-${order}`)).toEqual(['Created', 'Paid', 'Shipped']);
      const ofOrder = sender.sent.filter(({ key }) => key === `order-${order}`);
      expect(new Set(ofOrder.map(({ shardingKey }) => shardingKey))).toEqual(
        new Set([`order-${order}`]),
      );
    }
    expect(await unsent()).toBe(0);
    expect(await tables.count('outbox_messages', "message_id LIKE 'ID-%'")).toBe(60);
    expect(await relay().pass()).toEqual({ outcome: 'idle', sentCount: 0, hasMore: false });
  });

  it('sends a body with the eventId of its row', async () => {
    await append('4711', 'Created');
    await relay().pass();
    const [row]: { event_id: string }[] = await tables.dataSource.query(
      'SELECT event_id FROM outbox_messages',
    );
    expect(JSON.parse(sender.sent[0]!.body)).toEqual({
      eventId: row!.event_id,
      key: '4711',
      tag: 'Created',
    });
  });

  it('asks for the delay that is left of a message that must wait, and for none when it is over', async () => {
    await append('later', 'CloseCheck', new Date(Date.now() + 60_000));
    await append('over', 'CloseCheck', new Date(Date.now() - 60_000));
    await append('at-once', 'Created');
    await relay().pass();
    const delayOf = (key: string) => sender.sent.find((sent) => sent.key === key)?.delayTimeMs;
    expect(delayOf('later')).toBeGreaterThan(50_000);
    expect(delayOf('later')).toBeLessThanOrEqual(60_000);
    expect([delayOf('over'), delayOf('at-once')]).toEqual([undefined, undefined]);
    expect(await tables.count('outbox_messages', 'deliver_at IS NULL')).toBe(1);
  });

  it('tells how many messages wait', async () => {
    expect(await relay().unsentCount()).toBe(0);
    await append('4711', 'Created');
    await append('4711', 'Paid');
    expect(await relay().unsentCount()).toBe(2);
    await relay().pass();
    expect(await relay().unsentCount()).toBe(0);
  });

  it('tells how long the oldest message waits, also behind younger ones that were sent', async () => {
    expect(await relay().oldestUnsentAgeS()).toBe(0);
    await append('4711', 'Created');
    await tables.dataSource.query(
      'UPDATE outbox_messages SET created_at = created_at - INTERVAL 1 HOUR',
    );
    await append('4712', 'Created');
    sender.answer = ({ key }) => (key === '4711' ? Promise.reject(new Error('no')) : 'SEND_OK');
    await relay().pass();
    expect(await unsent()).toBe(1);
    const age = await relay().oldestUnsentAgeS();
    expect(Math.floor(age / 3_600)).toBe(1);
    sender.answer = () => 'SEND_OK';
    await relay().pass();
    expect(await relay().oldestUnsentAgeS()).toBe(0);
  });

  it('never sees a message of a transaction that was rolled back', async () => {
    const event = { topic: 'T', tag: 'Created', key: '4711', payload: {}, createdAt: new Date() };
    const rolledBack = tables.dataSource.transaction(async (manager) => {
      await appendToOutbox(manager, event);
      throw new Error('the order could not be saved');
    });
    await expect(rolledBack).rejects.toThrow('the order could not be saved');
    expect((await relay().pass()).outcome).toBe('idle');
  });

  it.each<Status>(['FLUSH_DISK_TIMEOUT', 'FLUSH_SLAVE_TIMEOUT', 'SLAVE_NOT_AVAILABLE'])(
    'counts %s as not sent and sends again',
    async (status) => {
      await append('4711', 'Created');
      sender.answer = () => status;
      expect(await relay().pass()).toMatchObject({ outcome: 'failed', sentCount: 0 });
      expect(await unsent()).toBe(1);
      sender.answer = () => 'SEND_OK';
      expect(await relay().pass()).toMatchObject({ outcome: 'sent', sentCount: 1 });
      expect(sender.of('4711')).toEqual(['Created', 'Created']);
    },
  );

  it('lets a message that fails hold back the later ones of its key and nobody else', async () => {
    for (const tag of ['Created', 'Paid']) {
      for (const key of ['stuck', 'free']) await append(key, tag);
    }
    sender.answer = ({ key }) => {
      if (key === 'stuck') throw new Error('the broker of this queue is away');
      return 'SEND_OK';
    };
    expect(await relay().pass()).toMatchObject({ outcome: 'failed', sentCount: 2 });
    expect(sender.of('free')).toEqual(['Created', 'Paid']);
    expect(await unsent()).toBe(2);
    sender.answer = () => 'SEND_OK';
    await relay().pass();
    expect(sender.of('stuck')).toEqual(['Created', 'Paid']);
  });

  it('looks behind messages that fail when they fill a whole batch, and tries those again after', async () => {
    for (const key of ['stuck-1', 'stuck-2', 'free', 'stuck-3']) {
      for (const tag of ['Created', 'Paid']) await append(key, tag);
    }
    sender.answer = ({ key }) => {
      if (key.startsWith('stuck')) throw new Error('the broker of this queue is away');
      return 'SEND_OK';
    };
    const small = relay(sender, 4);
    expect(await small.pass()).toMatchObject({ outcome: 'failed', sentCount: 0 });
    expect(await small.pass()).toMatchObject({ outcome: 'failed', sentCount: 2 });
    expect(sender.of('free')).toEqual(['Created', 'Paid']);
    sender.answer = () => 'SEND_OK';
    await until(async () => (await small.pass()).outcome === 'idle', { what: 'an empty outbox' });
    expect(await unsent()).toBe(0);
    for (const key of ['stuck-1', 'stuck-2', 'stuck-3']) {
      expect(sender.of(key)).toEqual(['Created', 'Paid']);
    }
  });

  it('sends again what it could not mark: a crash between send and mark loses nothing', async () => {
    await append('4711', 'Created');
    await append('4711', 'Paid');
    sender.answer = async ({ tag }) => {
      // As kill -9 would: the connection that holds the lease and would mark the rows is gone.
      if (tag === 'Paid') await killOtherConnections();
      return 'SEND_OK' as const;
    };
    const failure: unknown = await relay()
      .pass()
      .catch((error: unknown) => error);
    expect(isDatabaseUnavailable(failure)).toBe(true);
    expect(sender.of('4711')).toEqual(['Created', 'Paid']);
    expect(await unsent()).toBe(2);

    sender.answer = () => 'SEND_OK';
    expect(await relay().pass()).toMatchObject({ outcome: 'sent', sentCount: 2 });
    expect(sender.of('4711')).toEqual(['Created', 'Paid', 'Created', 'Paid']);
    const bodies = sender.sent.map(({ body }) => body);
    expect(bodies.slice(2)).toEqual(bodies.slice(0, 2));
  });

  it('leaves the sending to the process that holds the lease', async () => {
    await append('4711', 'Created');
    let second: Promise<unknown> | undefined;
    sender.answer = async () => {
      second = relay().pass();
      expect(await second).toEqual({ outcome: 'busy', sentCount: 0, hasMore: true });
      return 'SEND_OK' as const;
    };
    expect(await relay().pass()).toMatchObject({ outcome: 'sent' });
    expect(sender.sent).toHaveLength(1);
  });

  it('runs in several processes at once and sends each message once, in order', async () => {
    const relays = [relay(), relay(), relay()];
    for (const each of relays) each.onApplicationBootstrap();
    await Promise.all(
      Array.from({ length: 30 }, async (_, order) => {
        for (const tag of ['Created', 'Paid']) {
          await append(`order-${order}`, tag);
          relays[order % 3]!.wake();
        }
      }),
    );
    await until(async () => (await unsent()) === 0, { what: 'an empty outbox' });
    await Promise.all(relays.map((each) => each.onApplicationShutdown()));
    expect(sender.sent).toHaveLength(60);
    for (let order = 0; order < 30; order++) {
      expect(sender.of(`order-${order}`)).toEqual(['Created', 'Paid']);
    }
  });

  it('goes on by itself when the broker is back', async () => {
    let isAway = true;
    let attemptCount = 0;
    sender.answer = () => {
      attemptCount++;
      if (isAway) throw new Error('connect ECONNREFUSED');
      return 'SEND_OK';
    };
    const running = relay();
    running.onApplicationBootstrap();
    await append('4711', 'Created');
    running.wake();
    await until(() => attemptCount > 2, { what: 'several attempts' });
    isAway = false;
    await until(async () => (await unsent()) === 0, { what: 'an empty outbox' });
    await running.onApplicationShutdown();
    expect(sender.of('4711')).toEqual(['Created']);
  });

  it('sends what the last listener has committed before it ends', async () => {
    const running = relay();
    running.onApplicationBootstrap();
    await append('4711', 'Created');
    await append('4711', 'Paid');
    await within(running.onApplicationShutdown(), 'stopping the relay');
    expect(sender.of('4711')).toEqual(['Created', 'Paid']);
    expect(await unsent()).toBe(0);
  });

  it('ends at its first failure when it is to stop, and leaves the rest for the next start', async () => {
    const keys = Array.from({ length: 50 }, (_, index) => `order-${index}`);
    for (const key of keys) await append(key, 'Created');
    let attemptCount = 0;
    sender.answer = () => {
      attemptCount++;
      throw new Error('connect ECONNREFUSED');
    };
    const running = relay();
    running.onApplicationBootstrap();
    await within(running.onApplicationShutdown(), 'stopping the relay');
    expect(attemptCount).toBeLessThan(keys.length);
    expect(await unsent()).toBe(keys.length);
    sender.answer = () => 'SEND_OK';
    await relay().pass();
    expect(await unsent()).toBe(0);
  });
});

/** Ends every connection to this test's schema but the one that asks. */
async function killOtherConnections(): Promise<void> {
  const killer = tables.dataSource.createQueryRunner();
  const others: { id: number }[] = await killer.query(
    'SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()',
    [tables.schema],
  );
  for (const { id } of others) await killer.query(`KILL CONNECTION ${id}`);
  await killer.release();
}
