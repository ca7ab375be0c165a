import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BrokerBreaker } from '../../../services/common/broker-breaker.ts';
import { Clock } from '../../../services/common/clock.ts';
import { createMessagingTables } from '../../../services/common/messaging-tables.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import { MqError, type Message, type MessageSender } from '../../../services/common/mq.module.ts';
import { OutboxMessage } from '../../../services/common/outbox.ts';
import { Spool } from '../../../services/common/spool.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { Tables } from './tables.ts';

class Messaging1 implements MigrationInterface {
  name = 'Messaging1764000000000';

  up(runner: QueryRunner): Promise<void> {
    return createMessagingTables(runner);
  }

  async down(): Promise<void> {
    await Promise.resolve();
  }
}

type Sent = Awaited<ReturnType<MessageSender['send']>>;

const event = {
  topic: 'ORDER_CLOSE_CHECK',
  tag: 'CloseCheck',
  key: '4711',
  payload: { type: 'CloseCheck', orderNo: '4711' },
  createdAt: new Date(),
  deliverAt: new Date(Date.now() + 60_000),
};

let tables: Tables;

beforeAll(async () => {
  tables = await Tables.create([OutboxMessage], [Messaging1]);
});
afterEach(() => tables.dataSource.query('DELETE FROM outbox_messages'));
afterAll(() => tables[Symbol.asyncDispose]());

/** A spool whose broker answers so. */
function spool(answer: () => Promise<Sent>) {
  const sent: Message[] = [];
  const metrics = new Metrics('test');
  const breaker = new BrokerBreaker();
  let wakeCount = 0;
  const under = new Spool({
    dataSource: tables.dataSource,
    sender: {
      send: (message) => {
        sent.push(message);
        return answer();
      },
    },
    relay: { wake: () => (wakeCount += 1) },
    breaker,
    clock: new Clock(),
    metrics,
    log: recordingLog().log,
  });
  const spooledCount = async (): Promise<number> =>
    (await metrics.messagesSpooled.get()).values[0]!.value;
  return { send: () => under.send(event), sent, breaker, spooledCount, wakeCount: () => wakeCount };
}

const rows = (): Promise<{ event_id: string; body: string; deliver_at: Date }[]> =>
  tables.dataSource.query('SELECT event_id, body, deliver_at FROM outbox_messages');

const ok = (): Promise<Sent> => Promise.resolve({ status: 'SEND_OK', msgId: 'M1' });
const away = (): Promise<Sent> =>
  Promise.reject(new MqError('CONNECT_FAILED', 'refused', { retriable: true }));

describe('the spool', () => {
  it('sends at once what the broker takes, and asks for the delay that is left', async () => {
    const { send, sent, spooledCount } = spool(ok);
    await send();
    expect(sent).toMatchObject([{ topic: event.topic, tags: event.tag, keys: '4711' }]);
    expect(sent[0]!.delayTimeMs).toBeGreaterThan(50_000);
    expect(await rows()).toEqual([]);
    expect(await spooledCount()).toBe(0);
  });

  it('keeps what it cannot send, under the eventId that was tried, and wakes the relay', async () => {
    const { send, sent, spooledCount, wakeCount, breaker } = spool(away);
    await send();
    const [row, ...more] = await rows();
    expect(more).toEqual([]);
    expect(row!.body).toBe(sent[0]!.body);
    expect(JSON.parse(row!.body)).toEqual({ eventId: row!.event_id, ...event.payload });
    expect(row!.deliver_at.getTime()).toBe(event.deliverAt.getTime());
    expect([await spooledCount(), wakeCount(), breaker.isOpen]).toEqual([1, 1, true]);
  });

  it('does not knock at a broker that was away a moment ago', async () => {
    const { send, sent, breaker } = spool(ok);
    breaker.trip();
    await send();
    expect(sent).toEqual([]);
    expect(await rows()).toHaveLength(1);
  });

  it.each(['FLUSH_DISK_TIMEOUT', 'FLUSH_SLAVE_TIMEOUT', 'SLAVE_NOT_AVAILABLE'] as const)(
    'does not rely on a message that a crash could take (%s)',
    async (status) => {
      await spool(() => Promise.resolve({ status, msgId: 'M1' })).send();
      expect(await rows()).toHaveLength(1);
    },
  );

  it('does not keep a message that no broker would ever take', async () => {
    const mistake = new MqError('MESSAGE_ILLEGAL', 'the body has 5000000 bytes');
    await expect(spool(() => Promise.reject(mistake)).send()).rejects.toBe(mistake);
    expect(await rows()).toEqual([]);
  });
});
