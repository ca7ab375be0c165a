import { describe, expect, it } from '@jest/globals';
import { DomainError, type DomainErrorKind } from '../../../services/common/errors.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import type { ReceivedMessage } from '../../../services/common/mq.module.ts';
import {
  OrderlyConsumption,
  type OrderlyReading,
} from '../../../services/common/orderly-consumption.ts';
import { recordingLog } from '../recording-log.ts';

const GROUP = 'group-1';

function message(queueOffset: number, body = `event ${queueOffset}`): ReceivedMessage {
  return {
    topic: 'ORDER_BINLOG',
    msgId: `id-${queueOffset}`,
    keys: [`order-${queueOffset}`],
    tags: 'orders',
    queueId: 3,
    queueOffset,
    reconsumeTimes: 2,
    properties: new Map(),
    text: () => body,
  };
}

function parse(body: string): string {
  if (body.startsWith('event')) return body;
  if (body === 'bug') throw new TypeError('a mistake of the parser');
  throw new DomainError('MESSAGE.POISON', 'invalid', 'the body is not JSON');
}

function underTest(change: Partial<OrderlyReading<string>> = {}) {
  const { log, lines } = recordingLog();
  const metrics = new Metrics('test');
  const parked: string[] = [];
  const reading: OrderlyReading<string> = {
    group: GROUP,
    parse,
    park: (unreadable, reason) => {
      parked.push(`${unreadable.queueOffset} ${reason}`);
      return Promise.resolve();
    },
    ...change,
  };
  const counted = async (): Promise<Record<string, number>> => {
    const { values } = await metrics.messagesConsumed.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.outcome), value]));
  };
  return { consumption: new OrderlyConsumption({ log, metrics }), reading, parked, lines, counted };
}

describe('the consumption of messages in order', () => {
  it('hands one event on, and says of it where it lay', async () => {
    const { consumption, reading, lines, counted } = underTest();
    const seen: string[] = [];
    const result = await consumption.run(message(7), reading, (event) => {
      seen.push(event);
      return Promise.resolve('handled');
    });
    expect({ result, seen }).toEqual({ result: 'SUCCESS', seen: ['event 7'] });
    expect(await counted()).toEqual({ handled: 1 });
    expect(lines()).toMatchObject([
      { msg: 'events handled', handled: 1, queueId: 3, queueOffset: 7, orderNo: 'order-7' },
    ]);
  });

  it('hands a batch on at once and in order, and counts what each came to', async () => {
    const { consumption, reading, lines, counted } = underTest();
    const seen: string[][] = [];
    const result = await consumption.runBatch(
      [1, 2, 3].map((n) => message(n)),
      reading,
      (batch) => {
        seen.push(batch.map(({ event, message: { msgId } }) => `${event} of ${msgId}`));
        return Promise.resolve(['handled', 'duplicate', 'handled']);
      },
    );
    expect(result).toBe('SUCCESS');
    expect(seen).toEqual([['event 1 of id-1', 'event 2 of id-2', 'event 3 of id-3']]);
    expect(await counted()).toEqual({ handled: 2, duplicate: 1 });
    expect(lines()).toMatchObject([{ queueOffset: 1, lastQueueOffset: 3, messageCount: 3 }]);
  });

  it.each<DomainErrorKind>(['invalid', 'unauthorized', 'not_found', 'unavailable', 'conflict'])(
    'suspends the queue for a refusal of kind %s: none is worth losing the order for',
    async (kind) => {
      const { consumption, reading, parked, lines, counted } = underTest();
      const refuse = () => Promise.reject(new DomainError('A.B', kind, 'not so'));
      const result = await consumption.runBatch([message(1), message(2)], reading, refuse);
      expect(result).toBe('SUSPEND_CURRENT_QUEUE_A_MOMENT');
      expect(parked).toEqual([]);
      expect(await counted()).toEqual({ suspended: 2 });
      expect(lines()).toMatchObject([{ level: 'error', code: 'A.B', tries: 3, group: GROUP }]);
    },
  );

  it('parks what nobody can read, and handles what is before and behind it', async () => {
    const { consumption, reading, parked, lines, counted } = underTest();
    const seen: string[] = [];
    const batch = [message(1), message(2, '<xml/>'), message(3)];
    const result = await consumption.runBatch(batch, reading, (readable) => {
      seen.push(...readable.map(({ event }) => event));
      return Promise.resolve('handled');
    });
    expect(result).toBe('SUCCESS');
    expect(seen).toEqual(['event 1', 'event 3']);
    expect(parked).toEqual(['2 MESSAGE.POISON: the body is not JSON']);
    expect(await counted()).toEqual({ handled: 2, parked: 1 });
    expect(lines()[0]).toMatchObject({ level: 'error', messageId: 'id-2', orderNo: 'order-2' });
  });

  it('asks no handler when nothing can be read', async () => {
    const { consumption, reading, parked } = underTest();
    const result = await consumption.run(message(4, '<xml/>'), reading, () =>
      Promise.reject(new Error('there is nothing to handle')),
    );
    expect({ result, parked }).toMatchObject({ result: 'SUCCESS', parked: [expect.any(String)] });
  });

  it('suspends the queue when an unreadable message cannot be kept', async () => {
    const { consumption, reading, counted } = underTest({
      park: () => Promise.reject(new Error('the database is away')),
    });
    const result = await consumption.run(message(4, '<xml/>'), reading, () =>
      Promise.resolve('handled'),
    );
    expect(result).toBe('SUSPEND_CURRENT_QUEUE_A_MOMENT');
    expect(await counted()).toEqual({ suspended: 1 });
  });

  it('suspends the queue for a mistake of the parser: its next release may read the message', async () => {
    const { consumption, reading, parked } = underTest();
    const result = await consumption.run(message(4, 'bug'), reading, () =>
      Promise.resolve('handled'),
    );
    expect({ result, parked }).toEqual({ result: 'SUSPEND_CURRENT_QUEUE_A_MOMENT', parked: [] });
  });
});
