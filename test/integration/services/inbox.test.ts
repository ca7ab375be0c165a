import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { EntityManager } from 'typeorm';
import { Clock } from '../../../services/common/clock.ts';
import { Inbox, InboxMessage } from '../../../services/common/inbox.ts';
import { insertInto } from '../../../services/common/insert-into.ts';
import { RedisConnection } from '../../../services/common/redis.ts';
import { StatusMemory, type StatusStore } from '../../../services/common/status-memory.ts';
import { NotificationRow } from '../../../services/push/persistence/notification.entity.ts';
import { Notifications1764000000000 } from '../../../services/push/persistence/migrations/1764000000000-notifications.ts';
import { Delivery1764000000001 } from '../../../services/push/persistence/migrations/1764000000001-delivery.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { NO_BROKER, redisUrl } from './shop.ts';
import { Tables } from './tables.ts';

let tables: Tables;
let redis: Redis;
let eventId: string;

beforeAll(async () => {
  redis = new Redis(redisUrl());
  tables = await Tables.create(
    [InboxMessage, NotificationRow],
    [Notifications1764000000000, Delivery1764000000001],
  );
});

beforeEach(() => {
  eventId = randomUUID();
});

afterEach(async () => {
  await tables.dataSource.query('DELETE FROM notifications');
});

afterAll(async () => {
  redis.disconnect();
  await tables[Symbol.asyncDispose]();
});

const group = 'push-on-order-event';
const incoming = (): { consumerGroup: string; eventId: string; messageId: string } => ({
  consumerGroup: group,
  eventId,
  messageId: 'M1',
});

function inbox(store: StatusStore = redis): Inbox {
  const memory = new StatusMemory({
    store,
    settings: { processingExpiryMs: 60_000, doneExpiryMs: 60_000 },
    log: recordingLog().log,
  });
  return new Inbox({ dataSource: tables.dataSource, memory, clock: new Clock() });
}

/** An effect without a unique key of its own: only the inbox keeps it from happening twice. */
const notify = (manager: EntityManager): Promise<void> =>
  insertInto(manager, NotificationRow, [
    {
      eventId: randomUUID(),
      orderNo: '4711',
      userId: 'user-1',
      kind: 'Paid',
      text: 'paid',
      recordedAt: new Date(),
    },
  ]);

const effects = (): Promise<number> => tables.count('notifications');
const key = (): string => `inbox:${group}:${eventId}`;

describe('the inbox', () => {
  it('lets an event have its effect once', async () => {
    expect(await inbox().once(incoming(), notify)).toBe('handled');
    expect(await inbox().once(incoming(), notify)).toBe('duplicate');
    expect(await effects()).toBe(1);
  });

  it.each(['für-mich', 'M'.repeat(65), 'a\u0000b'])(
    'takes an event whose message has an id that no column holds: %j',
    async (messageId) => {
      expect(await inbox().once({ ...incoming(), messageId }, notify)).toBe('handled');
    },
  );

  it('does not even ask the database about what Redis knows is done', async () => {
    await inbox().once(incoming(), notify);
    expect(await redis.get(key())).toBe('done:');
    await tables.dataSource.query('DELETE FROM inbox_messages WHERE event_id = ?', [eventId]);
    expect(await inbox().once(incoming(), notify)).toBe('duplicate');
  });

  it('holds when Redis has forgotten everything', async () => {
    await inbox().once(incoming(), notify);
    await redis.del(key());
    expect(await inbox().once(incoming(), notify)).toBe('duplicate');
    expect(await effects()).toBe(1);
    expect(await redis.get(key())).toBe('done:');
  });

  it('holds when Redis is away', async () => {
    const away = new RedisConnection(`redis://${NO_BROKER}`, recordingLog().log);
    try {
      expect(await inbox(away.client).once(incoming(), notify)).toBe('handled');
      expect(await inbox(away.client).once(incoming(), notify)).toBe('duplicate');
    } finally {
      away.onApplicationShutdown();
    }
    expect(await effects()).toBe(1);
  });

  it('holds for 20 deliveries at once, with Redis and without', async () => {
    const away = new RedisConnection(`redis://${NO_BROKER}`, recordingLog().log);
    try {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          inbox(index % 2 === 0 ? redis : away.client).once(incoming(), notify),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === 'handled')).toHaveLength(1);
    } finally {
      away.onApplicationShutdown();
    }
    expect(await effects()).toBe(1);
  });

  it('holds for 20 deliveries of which the first ones fail', async () => {
    let failuresLeft = 5;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () =>
        inbox().once(incoming(), async (manager) => {
          await notify(manager);
          if (failuresLeft-- > 0) throw new Error('the third party said no');
        }),
      ),
    );
    const handled = outcomes.filter(
      (outcome) => outcome.status === 'fulfilled' && outcome.value === 'handled',
    );
    expect(handled).toHaveLength(1);
    expect(await effects()).toBe(1);
  });

  it('undoes the claim with the effect, so that a retry finds the event new', async () => {
    const failing = inbox().once(incoming(), async (manager) => {
      await notify(manager);
      throw new Error('no room');
    });
    await expect(failing).rejects.toThrow('no room');
    expect(await redis.get(key())).toBeNull();
    expect(await effects()).toBe(0);
    expect(await inbox().once(incoming(), notify)).toBe('handled');
    expect(await effects()).toBe(1);
  });

  it('goes on after a process that died while Redis said "processing"', async () => {
    await redis.set(key(), 'processing:of-a-dead-process', 'PX', 60_000);
    expect(await inbox().once(incoming(), notify)).toBe('handled');
    expect(await redis.get(key())).toBe('done:');
  });

  it('does not release the claim of another delivery', async () => {
    await redis.set(key(), 'processing:of-another', 'PX', 60_000);
    const failing = inbox().once(incoming(), () => Promise.reject(new Error('no room')));
    await expect(failing).rejects.toThrow('no room');
    expect(await redis.get(key())).toBe('processing:of-another');
  });

  it('says "done" only after the commit', async () => {
    const seen: (string | null)[] = [];
    await inbox().once(incoming(), async (manager) => {
      await notify(manager);
      seen.push(await redis.get(key()));
    });
    expect(seen).toEqual([expect.stringMatching(/^processing:/)]);
  });

  it('keeps the groups apart: each has its own effect of one event', async () => {
    await inbox().once(incoming(), notify);
    const other = { ...incoming(), consumerGroup: 'another-group' };
    expect(await inbox().once(other, notify)).toBe('handled');
  });
});
