import { beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type {
  MessageBatchListener,
  MessageBatchListenerOrderly,
} from '../../../mq/client/batch-listener.ts';
import {
  ConsumeDispatcher,
  type Delivery,
  type DispatcherOptions,
} from '../../../mq/client/consume-dispatcher.ts';
import { ConsumedMessage } from '../../../mq/client/consumed-message.ts';
import { inBatches, inBatchesInOrder } from '../../../mq/client/listener-call.ts';
import { OrderlyDispatcher } from '../../../mq/client/orderly-dispatcher.ts';
import { ProcessQueue } from '../../../mq/client/process-queue.ts';
import { MqError } from '../../../mq/errors.ts';
import { decodeRecord, type MessageExt } from '../../../mq/protocol/message.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { record } from './scripted-cluster.ts';
import { plays } from '../../support/plays.ts';

const limits = { maxCount: 1000, maxBytes: 1 << 20, maxSpan: Infinity };

let clock: FakeClock;
let logger: RecordingLogger;
let batches: string[];
let handedBack: string[];

beforeEach(() => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  batches = [];
  handedBack = [];
});

function queueOf(queueId: number): ProcessQueue {
  return new ProcessQueue({ topic: 'T', brokerName: 'b', queueId }, 0, limits);
}

/** The next messages of a queue, as a pull brings them; those at the `unreadable` offsets cannot be read. */
function fetched(queue: ProcessQueue, count: number, unreadable: number[] = []): Delivery[] {
  const entries = Array.from({ length: count }, (_, index) => ({
    queueOffset: queue.nextPullOffset + index,
    bytes: 1,
  }));
  return queue.put(entries, 0).map(({ queueOffset }) => {
    const decoded = decodeRecord(record({ queueOffset }), 0, { verifyCrc: true });
    const stored: MessageExt = { ...decoded, queueId: queue.queue.queueId };
    const message = unreadable.includes(queueOffset)
      ? undefined
      : new ConsumedMessage(stored, stored.body, 'b');
    return { processQueue: queue, record: stored, message };
  });
}

const names = (messages: readonly MessageExt[]): string =>
  messages.map(({ queueId, queueOffset }) => `${queueId}:${queueOffset}`).join(' ');

describe('batches in no particular order', () => {
  function dispatcher(
    listener: MessageBatchListener,
    options: Partial<DispatcherOptions> & { maxSize?: number } = {},
  ): ConsumeDispatcher {
    const { maxSize = 3, ...rest } = options;
    const noting: MessageBatchListener = (messages, context) => {
      batches.push(names(messages));
      return listener(messages, context);
    };
    return new ConsumeDispatcher({
      concurrency: 100,
      consumeTimeoutMs: 10_000,
      call: inBatches(noting, maxSize),
      sendBack: async ({ record: stored }, how) => {
        handedBack.push(`${names([stored])}/${how.delayTimeLevel}`);
      },
      clock,
      logger,
      ...rest,
    });
  }

  it('are of one queue, no larger than allowed, and wait for nothing', async () => {
    const [one, two] = [queueOf(1), queueOf(2)];
    const each = dispatcher(() => undefined);
    each.submit(fetched(one, 4));
    each.submit(fetched(two, 2));
    await settle();
    expect(batches).toEqual(['1:0 1:1 1:2', '1:3', '2:0 2:1']);
    expect([one.commitOffset, two.commitOffset]).toEqual([4, 2]);
  });

  it('do not mix queues whose messages wait in turn', async () => {
    const [one, two] = [queueOf(1), queueOf(2)];
    const each = dispatcher(() => undefined);
    each.suspend();
    for (const queue of [one, two, one, one, two]) each.submit(fetched(queue, 1));
    each.resume();
    await settle();
    expect(batches).toEqual(['1:0', '2:0', '1:1 1:2', '2:1']);
  });

  it('give what the listener did not acknowledge back one by one', async () => {
    const queue = queueOf(1);
    dispatcher(() => ({ ackIndex: 0, delayTimeLevel: 4 })).submit(fetched(queue, 3));
    await settle();
    expect(handedBack).toEqual(['1:1/4', '1:2/4']);
    expect(queue.commitOffset).toBe(3);
  });

  it('are given back whole when the listener throws', async () => {
    dispatcher(async () => {
      throw new Error('no database');
    }).submit(fetched(queueOf(1), 2));
    await settle();
    expect(handedBack).toEqual(['1:0/0', '1:1/0']);
    expect(logger.entries).toEqual([
      expect.objectContaining({
        message: 'the listener failed',
        fields: expect.objectContaining({ batchSize: 2 }) as unknown,
      }),
    ]);
  });

  it('tell the failure of each message when each has its own', async () => {
    dispatcher((messages) =>
      Promise.allSettled(
        messages.map(async ({ queueOffset }) => {
          if (queueOffset !== 1) throw new Error(`no row for ${queueOffset}`);
        }),
      ),
    ).submit(fetched(queueOf(1), 3));
    await settle();
    expect(handedBack).toEqual(['1:0/0', '1:2/0']);
    expect(logger.entries.map(({ fields }) => String(fields?.['error']))).toEqual([
      'Error: no row for 0',
      'Error: no row for 2',
    ]);
  });

  it('tell once that a result is nonsense', async () => {
    dispatcher(() => 'RECONSUME_LATR' as never).submit(fetched(queueOf(1), 3));
    await settle();
    expect(handedBack).toHaveLength(3);
    expect(logger.messages('warn')).toHaveLength(1);
  });

  it('leave out what cannot be read, which goes to the dead-letter queue alone', async () => {
    const queue = queueOf(1);
    dispatcher(() => undefined).submit(fetched(queue, 5, [0, 2]));
    await settle();
    expect(batches).toEqual(['1:1', '1:3 1:4']);
    expect(handedBack).toEqual(['1:0/0', '1:2/0']);
    expect(queue.commitOffset).toBe(5);
  });

  it('are given back when the listener outruns its time, which then counts no more', async () => {
    const queue = queueOf(1);
    let end: () => void = () => undefined;
    const each = dispatcher(() => new Promise((resolve) => (end = resolve)), { concurrency: 1 });
    each.submit(fetched(queue, 4));
    await clock.advanceAndSettle(10_000);
    expect(handedBack).toEqual(['1:0/0', '1:1/0', '1:2/0']);
    expect(queue.commitOffset).toBe(3);
    expect(batches).toEqual(['1:0 1:1 1:2', '1:3']);
    end();
    await settle();
    expect(handedBack).toHaveLength(3);
  });

  it('are retried here, message by message, where the broker does not take them back', async () => {
    const queue = queueOf(1);
    let isDown = true;
    const each = dispatcher(() => (batches.length === 1 ? { ackIndex: 0 } : undefined), {
      sendBack: async ({ record: { queueOffset } }) => {
        if (isDown && queueOffset === 1) throw new MqError('CONNECT_FAILED', 'down');
      },
    });
    each.submit(fetched(queue, 3));
    await settle();
    expect(queue.commitOffset).toBe(1);
    isDown = false;
    await clock.advanceAndSettle(5_000);
    expect(batches).toEqual(['1:0 1:1 1:2', '1:1']);
    expect(queue.commitOffset).toBe(3);
    expect(clock.pendingTimers).toBe(0);
  });

  it('run as many at a time as is said, then and now', async () => {
    const ends: (() => void)[] = [];
    const each = dispatcher(() => new Promise((resolve) => ends.push(resolve)), {
      concurrency: 1,
      maxSize: 2,
    });
    each.submit(fetched(queueOf(1), 10));
    await settle();
    expect(ends).toHaveLength(1);
    each.setConcurrency(3);
    await settle();
    expect(ends).toHaveLength(3);
    each.setConcurrency(2);
    ends.shift()!();
    await settle();
    expect(ends).toHaveLength(2);
    ends.shift()!();
    await settle();
    expect(batches).toHaveLength(4);
  });

  it('begin with nothing while suspended', async () => {
    const each = dispatcher(() => undefined);
    each.suspend();
    each.submit(fetched(queueOf(1), 2));
    await settle();
    expect(batches).toEqual([]);
    each.resume();
    await settle();
    expect(batches).toEqual(['1:0 1:1']);
    each.suspend();
    each.submit(fetched(queueOf(2), 1));
    expect(await each.stop(1_000)).toBe(0);
    each.resume();
    await settle();
    expect(batches).toHaveLength(1);
  });
});

describe('batches in order', () => {
  const givenUp: string[] = [];

  function dispatcher(
    listener: MessageBatchListenerOrderly,
    { maxSize = 3, maxReconsumeTimes = Infinity } = {},
  ): OrderlyDispatcher {
    givenUp.length = 0;
    const noting: MessageBatchListenerOrderly = (messages, context) => {
      batches.push(messages.map((each) => `${each.queueOffset}:${each.reconsumeTimes}`).join(' '));
      return listener(messages, context);
    };
    return new OrderlyDispatcher({
      concurrency: 4,
      suspendCurrentQueueTimeMs: 1_000,
      call: inBatchesInOrder(noting, maxSize),
      maxReconsumeTimes: () => maxReconsumeTimes,
      giveUp: async ({ record: stored }) => {
        givenUp.push(`${stored.queueOffset}:${stored.reconsumeTimes}`);
      },
      clock,
      logger,
    });
  }

  it('come again from what was not acknowledged on, filled up from behind', async () => {
    const queue = queueOf(1);
    const orderly = dispatcher(() => (batches.length === 1 ? { ackIndex: 0 } : 'SUCCESS'));
    orderly.submit(fetched(queue, 5));
    await settle();
    expect(queue.commitOffset).toBe(1);
    await clock.advanceAndSettle(1_000);
    expect(batches).toEqual(['0:0 1:0 2:0', '1:1 2:1 3:0', '4:0']);
    expect(queue.commitOffset).toBe(5);
    expect(clock.pendingTimers).toBe(0);
  });

  it('give up what failed as often as it may, and no more than that', async () => {
    const queue = queueOf(1);
    const orderly = dispatcher(
      (messages) => {
        const bad = messages.findIndex(({ queueOffset }) => queueOffset === 1);
        return bad < 0 ? undefined : { ackIndex: bad - 1 };
      },
      { maxReconsumeTimes: 1 },
    );
    orderly.submit(fetched(queue, 4));
    await clock.advanceAndSettle(5_000);
    // 2 has failed along with 1 each time: a listener that can tell them apart acknowledges what comes first.
    expect(batches).toEqual(['0:0 1:0 2:0', '1:1 2:1 3:0', '3:1']);
    expect(givenUp).toEqual(['1:1', '2:1']);
    expect(queue.commitOffset).toBe(4);
  });

  it('leave out what cannot be read, which is given up in its turn', async () => {
    const queue = queueOf(1);
    dispatcher(() => undefined).submit(fetched(queue, 5, [1, 2]));
    await settle();
    expect(batches).toEqual(['0:0', '3:0 4:0']);
    expect(givenUp).toEqual(['1:0', '2:0']);
    expect(queue.commitOffset).toBe(5);
  });

  it('deliver each message for the first time after all before it were done with', async () => {
    const batch = fc.record({ ack: fc.integer({ min: -1, max: 4 }), throws: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(batch, { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 3 }),
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
        async (outcomes, maxSize, maxReconsumeTimes, pulls) => {
          const queue = queueOf(1);
          let turn = 0;
          // Not checked in the listener: what that throws is a failure of its own.
          const begun: { offsets: number[]; doneBelow: number }[] = [];
          const orderly = dispatcher(
            (messages) => {
              const offsets = messages.map(({ queueOffset }) => queueOffset);
              begun.push({ offsets, doneBelow: queue.commitOffset });
              const { ack, throws } = outcomes[turn++] ?? { ack: 99, throws: false };
              if (throws) throw new Error('as drawn');
              return { ackIndex: ack };
            },
            { maxSize, maxReconsumeTimes },
          );
          for (const count of pulls) {
            orderly.submit(fetched(queue, count));
            await clock.advanceAndSettle(1_000);
          }
          await clock.advanceAndSettle(60_000);
          expect(queue.commitOffset).toBe(pulls.reduce((sum, count) => sum + count, 0));
          expect(new Set(givenUp).size).toBe(givenUp.length);
          for (const { offsets, doneBelow } of begun) {
            expect(offsets.length).toBeLessThanOrEqual(maxSize);
            expect(offsets[0]).toBe(doneBelow);
            // What was given up amid them is not there any more; the rest is without a gap.
            expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
            const isLeftOut = (offset: number): boolean =>
              givenUp.some((each) => each.startsWith(`${offset}:`));
            for (let offset = offsets[0]!; offset < offsets.at(-1)!; offset++) {
              expect(offsets.includes(offset) || isLeftOut(offset)).toBe(true);
            }
          }
        },
      ),
      plays(60),
    );
  });
});
