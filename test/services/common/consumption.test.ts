import { describe, expect, it } from '@jest/globals';
import { Consumption, type Handling } from '../../../services/common/consumption.ts';
import { DomainError, type DomainErrorKind } from '../../../services/common/errors.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import type { ReceivedMessage } from '../../../services/common/mq.module.ts';
import { parseOrderEventOf } from '../../../services/contracts/order-events.ts';
import { paidEvent } from '../order-event-samples.ts';
import { recordingLog } from '../recording-log.ts';

const MAX_RECONSUME_TIMES = 4;
const reading = { group: 'group-1', parse: parseOrderEventOf('Paid') };

function message(change: Partial<ReceivedMessage> = {}): ReceivedMessage {
  return {
    topic: 'ORDER_EVENTS',
    msgId: 'C0A80001',
    keys: ['key-in-properties'],
    tags: 'Paid',
    queueId: 3,
    queueOffset: 17,
    reconsumeTimes: 2,
    properties: new Map(),
    text: () => JSON.stringify(paidEvent),
    ...change,
  };
}

function underTest() {
  const { log, lines } = recordingLog();
  const metrics = new Metrics('test');
  const settings = { maxReconsumeTimes: MAX_RECONSUME_TIMES, deadLetterRetryLevel: 7 };
  const consumption = new Consumption({ log, metrics, settings });
  const counted = async (name: string): Promise<string[]> =>
    (await metrics.registry.getSingleMetricAsString(name))
      .split('\n')
      .filter((line) => !line.startsWith('#'));
  return { consumption, lines, counted };
}

const refusing = (kind: DomainErrorKind) => (): Promise<Handling> =>
  Promise.reject(new DomainError('A.B', kind, 'not so'));

describe('the consumption of a message', () => {
  it('hands the event on, and tells what came of it with order number and message id', async () => {
    const { consumption, lines, counted } = underTest();
    const seen: string[] = [];
    const result = await consumption.run(message(), reading, (paid) => {
      seen.push(paid.eventId);
      return Promise.resolve('handled');
    });
    expect(result).toBe('CONSUME_SUCCESS');
    expect(seen).toEqual([paidEvent.eventId]);
    expect(lines()).toMatchObject([
      { msg: 'event handled', orderNo: paidEvent.orderNo, messageId: 'C0A80001' },
    ]);
    expect(await counted('millrace_messages_consumed_total')).toEqual([
      'millrace_messages_consumed_total{group="group-1",outcome="handled",service="test"} 1',
    ]);
  });

  it('has one that nobody can read dead at once, with the reason and where it lies', async () => {
    const { consumption, lines } = underTest();
    const unreadable = message({ text: () => '<xml/>', reconsumeTimes: 0 });
    const result = await consumption.run(unreadable, reading, () => Promise.resolve('handled'));
    expect(result).toEqual({
      status: 'RECONSUME_LATER',
      delayTimeLevel: -1,
      deadLetterReason: 'MESSAGE.POISON: the body is not JSON',
    });
    expect(lines()).toMatchObject([
      {
        level: 'error',
        msg: 'event is a dead letter now',
        code: 'MESSAGE.POISON',
        orderNo: 'key-in-properties',
        topic: 'ORDER_EVENTS',
        queueId: 3,
        queueOffset: 17,
        error: { message: 'the body is not JSON' },
      },
    ]);
  });

  it.each(['not_found', 'unavailable'] as const)(
    'has a refusal of kind %s retried',
    async (kind) => {
      const { consumption } = underTest();
      expect(await consumption.run(message(), reading, refusing(kind))).toBe('RECONSUME_LATER');
    },
  );

  it('has one that is not allowed dead at once', async () => {
    const { consumption } = underTest();
    expect(await consumption.run(message(), reading, refusing('unauthorized'))).toEqual({
      status: 'RECONSUME_LATER',
      delayTimeLevel: -1,
      deadLetterReason: 'A.B: not so',
    });
  });

  it('has what it does not know retried, and after the last retry dead without quoting it', async () => {
    const { consumption } = underTest();
    const failing = (): Promise<Handling> => Promise.reject(new TypeError('INSERT … 4111111111'));
    expect(await consumption.run(message(), reading, failing)).toBe('RECONSUME_LATER');
    const last = message({ reconsumeTimes: MAX_RECONSUME_TIMES });
    expect(await consumption.run(last, reading, failing)).toEqual({
      status: 'RECONSUME_LATER',
      delayTimeLevel: -1,
      deadLetterReason: 'TypeError',
    });
  });

  it('acknowledges a fact that has been overtaken, and says so', async () => {
    const { consumption, lines } = underTest();
    expect(await consumption.run(message(), reading, refusing('conflict'))).toBe('CONSUME_SUCCESS');
    expect(lines()).toMatchObject([{ msg: 'event refused for good', code: 'A.B' }]);
  });
});

describe('a dead letter', () => {
  const dead = (change: Partial<ReceivedMessage> = {}): ReceivedMessage =>
    message({ topic: '%DLQ%group-1', ...change });

  it('is delivered when its cause is gone', async () => {
    const { consumption, counted } = underTest();
    const result = await consumption.run(dead(), reading, () => Promise.resolve('handled'));
    expect(result).toBe('CONSUME_SUCCESS');
    expect(await counted('millrace_dead_letters_total')).toEqual([
      'millrace_dead_letters_total{group="group-1",outcome="delivered",service="test"} 1',
    ]);
  });

  it('is tried again at its own pace for as long as it takes', async () => {
    const { consumption, counted } = underTest();
    const letter = dead({ reconsumeTimes: 900 });
    expect(await consumption.run(letter, reading, refusing('unavailable'))).toEqual({
      status: 'RECONSUME_LATER',
      delayTimeLevel: 7,
    });
    expect(await counted('millrace_dead_letters_total')).toEqual([
      'millrace_dead_letters_total{group="group-1",outcome="waiting",service="test"} 1',
    ]);
  });

  it.each([
    ['nobody can read', { text: () => '<xml/>' }, 'handled'],
    ['is about something that has not turned up in ten tries', { reconsumeTimes: 10 }, 'not_found'],
  ] as const)('that %s is parked', async (_what, change, kind) => {
    const { consumption, lines } = underTest();
    const handle = kind === 'handled' ? () => Promise.resolve(kind) : refusing(kind);
    expect(await consumption.run(dead(change), reading, handle)).toBe('CONSUME_SUCCESS');
    expect(lines()).toMatchObject([
      { level: 'error', msg: 'dead letter parked, it stays in the DLQ' },
    ]);
  });

  it('is given up instead where somebody else looks after it, with its reason', async () => {
    const { consumption } = underTest();
    const reasons: string[] = [];
    const letter = dead({ properties: new Map([['DLQ_REASON', 'CHANNEL.DOWN: no answer']]) });
    const result = await consumption.run(
      letter,
      {
        ...reading,
        givenUp: (_event, reason) => {
          reasons.push(reason);
          return Promise.resolve('handled');
        },
      },
      refusing('unavailable'),
    );
    expect(result).toBe('CONSUME_SUCCESS');
    expect(reasons).toEqual(['CHANNEL.DOWN: no answer']);
  });
});

describe('an event that somebody waits for', () => {
  const dead = { topic: '%DLQ%group-1' };

  function waitedFor(answer: () => Promise<void> = () => Promise.resolve()) {
    const told: string[] = [];
    const refused = (_event: unknown, reason: string): Promise<void> => {
      told.push(reason);
      return answer();
    };
    return { told, reading: { ...reading, refused } };
  }

  it.each([
    ['not allowed, as a dead letter', dead, 'invalid'],
    ['overtaken, as a dead letter', dead, 'conflict'],
    ['overtaken', {}, 'conflict'],
    ['about nothing, after ten tries', { ...dead, reconsumeTimes: 10 }, 'not_found'],
  ] as const)('is told of when it is refused for good: %s', async (_when, change, kind) => {
    const { consumption } = underTest();
    const waiting = waitedFor();
    const result = await consumption.run(message(change), waiting.reading, refusing(kind));
    expect(result).toBe('CONSUME_SUCCESS');
    expect(waiting.told).toEqual(['A.B: not so']);
  });

  it.each([
    ['is still to be tried', {}, 'unavailable'],
    ['is to be a dead letter first', {}, 'invalid'],
    ['is a dead letter that may help yet', { ...dead, reconsumeTimes: 900 }, 'unavailable'],
    ['cannot be read', { ...dead, text: () => '<xml/>' }, 'invalid'],
  ] as const)('is not told of while it %s', async (_what, change, kind) => {
    const { consumption } = underTest();
    const waiting = waitedFor();
    await consumption.run(message(change), waiting.reading, refusing(kind));
    expect(waiting.told).toEqual([]);
  });

  it.each([
    ['', {}, 'RECONSUME_LATER'],
    [' of a dead letter', dead, { status: 'RECONSUME_LATER', delayTimeLevel: 7 }],
  ] as const)('comes again when that could not be told%s', async (_what, change, outcome) => {
    const { consumption, lines } = underTest();
    const { reading: waiting } = waitedFor(() =>
      Promise.reject(new DomainError('C.D', 'conflict', 'the outbox is away')),
    );
    expect(await consumption.run(message(change), waiting, refusing('conflict'))).toEqual(outcome);
    expect(lines()).toMatchObject([{ error: { cause: { message: 'the outbox is away' } } }]);
  });
});
