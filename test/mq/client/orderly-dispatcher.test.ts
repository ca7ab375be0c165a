import { beforeEach, describe, expect, it } from '@jest/globals';
import { readMessage } from '../../../mq/client/fetched-messages.ts';
import type { Delivery } from '../../../mq/client/consume-dispatcher.ts';
import { oneByOneInOrder } from '../../../mq/client/listener-call.ts';
import {
  OrderlyDispatcher,
  type OrderlyDispatcherOptions,
} from '../../../mq/client/orderly-dispatcher.ts';
import type { MessageListenerOrderly } from '../../../mq/client/orderly-listener.ts';
import { ProcessQueue } from '../../../mq/client/process-queue.ts';
import { MqError } from '../../../mq/errors.ts';
import { decodeRecord } from '../../../mq/protocol/message.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { record } from './scripted-cluster.ts';

const limits = { maxCount: 1000, maxBytes: 1 << 20, maxSpan: Infinity };

let clock: FakeClock;
let logger: RecordingLogger;
let calls: string[];
/** Ends of the calls that wait for the test. */
let ends: Map<string, () => void>;
let givenUp: { queueOffset: number; reconsumeTimes: number }[];

beforeEach(() => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  calls = [];
  ends = new Map();
  givenUp = [];
});

function dispatcher(
  listener: MessageListenerOrderly,
  options: Partial<OrderlyDispatcherOptions> = {},
): OrderlyDispatcher {
  return new OrderlyDispatcher({
    concurrency: 4,
    suspendCurrentQueueTimeMs: 1_000,
    call: oneByOneInOrder((message, context) => {
      calls.push(`${message.queueId}:${message.queueOffset}`);
      return listener(message, context);
    }),
    maxReconsumeTimes: () => Infinity,
    giveUp: async (delivery) => {
      const { queueOffset, reconsumeTimes } = delivery.record;
      givenUp.push({ queueOffset, reconsumeTimes });
    },
    clock,
    logger,
    ...options,
  });
}

/** A listener that ends when the test says so. */
const waiting: MessageListenerOrderly = ({ queueId, queueOffset }) =>
  new Promise((resolve) => ends.set(`${queueId}:${queueOffset}`, () => resolve()));

async function end(call: string): Promise<void> {
  ends.get(call)!();
  await settle();
}

function processQueue(queueId = 0, start = 0, hold?: { isTrusted: boolean }): ProcessQueue {
  return new ProcessQueue({ topic: 'T', brokerName: 'b', queueId }, start, limits, hold);
}

/** So many messages of a queue, as a pull brings them. */
async function fetched(queue: ProcessQueue, count: number): Promise<Delivery[]> {
  const entries = Array.from({ length: count }, (_, index) => {
    const queueOffset = queue.nextPullOffset + index;
    const stored = decodeRecord(record({ queueOffset }), 0, { verifyCrc: true });
    return { queueOffset, bytes: 1, record: { ...stored, queueId: queue.queue.queueId } };
  });
  const taken = queue.put(entries, 0);
  return Promise.all(
    taken.map(async ({ record: stored }) => ({
      processQueue: queue,
      record: stored,
      message: await readMessage(stored, 'b', 1000),
    })),
  );
}

describe('dispatching in order', () => {
  it('runs one message of a queue at a time, and as many queues as concurrency allows', async () => {
    const orderly = dispatcher(waiting, { concurrency: 2 });
    const queues = [processQueue(0), processQueue(1), processQueue(2)];
    for (const queue of queues) orderly.submit(await fetched(queue, 2));
    expect(calls).toEqual(['0:0', '1:0']);
    await end('0:0');
    // The queue that has waited longest is next, not the one that was just served.
    expect(calls).toEqual(['0:0', '1:0', '2:0']);
    await end('1:0');
    await end('2:0');
    expect(calls).toEqual(['0:0', '1:0', '2:0', '0:1', '1:1']);
    expect(queues.map((queue) => queue.commitOffset)).toEqual([1, 1, 1]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['suspends its queue', () => 'SUSPEND_CURRENT_QUEUE_A_MOMENT' as const],
    ['returns a word it made up', () => 'COMMIT' as never],
    ['returns what a concurrent one may', () => ({ status: 'RECONSUME_LATER' }) as never],
    ['names a delay level', () => ({ delayTimeLevel: 3 }) as never],
  ])('gives a listener that %s the same message again, later', async (_what, listener) => {
    const queue = processQueue();
    const times: number[] = [];
    const orderly = dispatcher((message) => {
      times.push(message.reconsumeTimes);
      return times.length < 3 ? listener() : undefined;
    });
    orderly.submit(await fetched(queue, 2));
    await clock.advanceAndSettle(999);
    expect(calls).toEqual(['0:0']);
    await clock.advanceAndSettle(1);
    await clock.advanceAndSettle(1_000);
    expect(calls).toEqual(['0:0', '0:0', '0:0', '0:1']);
    expect(times).toEqual([0, 1, 2, 0]);
    expect(queue.commitOffset).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    [5, 10],
    [250, 250],
    [600_000, 30_000],
    [-1, 1_000],
    [Number.NaN, 1_000],
    [Infinity, 30_000],
    [5n as never, 1_000],
    [Symbol('soon') as never, 1_000],
    ['50' as never, 1_000],
  ])('rests for the time the listener asks for: %p ms become %d', async (askedMs, restMs) => {
    const orderly = dispatcher((_message, context) => {
      context.suspendCurrentQueueTimeMs = askedMs;
      return calls.length === 1 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
    });
    orderly.submit(await fetched(processQueue(), 1));
    await clock.advanceAndSettle(restMs - 1);
    expect(calls).toHaveLength(1);
    await clock.advanceAndSettle(1);
    expect(calls).toHaveLength(2);
  });

  it('takes what its last statement happened to yield for success: an HTTP response has a status, too', async () => {
    const orderly = dispatcher(() => ({ status: 200 }) as never);
    orderly.submit(await fetched(processQueue(), 2));
    await settle();
    expect(calls).toEqual(['0:0', '0:1']);
  });

  it('gives a message up when it has failed maxReconsumeTimes after the first, and goes on', async () => {
    const queue = processQueue();
    const orderly = dispatcher(
      ({ queueOffset }) => (queueOffset === 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS'),
      { maxReconsumeTimes: () => 1 },
    );
    orderly.submit(await fetched(queue, 2));
    await clock.advanceAndSettle(1_000);
    expect(calls).toEqual(['0:0', '0:0', '0:1']);
    expect(givenUp).toEqual([{ queueOffset: 0, reconsumeTimes: 1 }]);
    expect(queue.commitOffset).toBe(2);
  });

  it('keeps a message that could not be given up, and tries both again', async () => {
    let refusals = 2;
    const queue = processQueue();
    const orderly = dispatcher(() => 'SUSPEND_CURRENT_QUEUE_A_MOMENT', {
      maxReconsumeTimes: () => 0,
      giveUp: async () => {
        if (refusals-- > 0) throw new MqError('NO_ROUTE', 'nowhere to');
      },
    });
    orderly.submit(await fetched(queue, 1));
    await clock.advanceAndSettle(1_000);
    expect(queue.commitOffset).toBe(0);
    await clock.advanceAndSettle(1_000);
    expect(calls).toEqual(['0:0', '0:0', '0:0']);
    expect(queue.commitOffset).toBe(1);
  });

  it('puts a message that cannot be read out of the way without its listener', async () => {
    const queue = processQueue();
    const orderly = dispatcher(() => undefined);
    const [broken, ...others] = await fetched(queue, 2);
    const fault = new MqError('MESSAGE_CORRUPT', 'torn');
    orderly.submit([{ ...broken!, message: undefined, fault }, ...others]);
    await settle();
    expect(givenUp).toEqual([{ queueOffset: 0, reconsumeTimes: 0 }]);
    expect(calls).toEqual(['0:1']);
    expect(queue.commitOffset).toBe(2);
  });
});

describe('a queue that is lost', () => {
  it('is handed out no more from the moment its lock is not trusted, and what runs does not count', async () => {
    const hold = { isTrusted: true };
    const queue = processQueue(0, 0, hold);
    const orderly = dispatcher(waiting);
    orderly.submit(await fetched(queue, 3));
    hold.isTrusted = false;
    await end('0:0');
    expect(calls).toEqual(['0:0']);
    expect(queue.commitOffset).toBe(0);
  });

  it('tells the listener that runs, and waits for it before the same queue begins anew', async () => {
    let signal: AbortSignal | undefined;
    const queue = processQueue();
    const orderly = dispatcher((message, context) => {
      signal ??= context.signal;
      return waiting(message, context);
    });
    orderly.submit(await fetched(queue, 2));
    queue.drop();
    orderly.drop(queue.queue, 'lost');
    expect(signal?.aborted).toBe(true);
    const anew = processQueue();
    orderly.submit(await fetched(anew, 2));
    expect(calls).toEqual(['0:0']);
    const endOfOld = ends.get('0:0')!;
    endOfOld();
    await settle();
    expect(calls).toEqual(['0:0', '0:0']);
    expect(anew.commitOffset).toBe(0);
    await end('0:0');
    expect(anew.commitOffset).toBe(1);
  });

  it('forgets its rest: a timer of before does not hand out what came after', async () => {
    const queue = processQueue();
    const orderly = dispatcher(() => 'SUSPEND_CURRENT_QUEUE_A_MOMENT');
    orderly.submit(await fetched(queue, 1));
    await settle();
    queue.drop();
    orderly.drop(queue.queue, 'lost');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('leaving a queue', () => {
  it('waits for the listener that runs, whose message counts, and hands out nothing behind it', async () => {
    const queue = processQueue();
    const orderly = dispatcher(waiting);
    orderly.submit(await fetched(queue, 2));
    let hasLeft = false;
    void orderly.leave(queue.queue, 5_000).then(() => (hasLeft = true));
    await clock.advanceAndSettle(4_999);
    expect(hasLeft).toBe(false);
    await end('0:0');
    expect(hasLeft).toBe(true);
    expect(queue.commitOffset).toBe(1);
    expect(calls).toEqual(['0:0']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves a listener that takes too long, which then no longer counts', async () => {
    const queue = processQueue();
    const orderly = dispatcher(waiting);
    orderly.submit(await fetched(queue, 1));
    const left = orderly.leave(queue.queue, 5_000);
    await clock.advanceAndSettle(5_000);
    await left;
    expect(orderly.isRunning(queue.queue)).toBe(true);
    const idle = orderly.idle(queue.queue);
    await end('0:0');
    await idle;
    expect(orderly.isRunning(queue.queue)).toBe(false);
    expect(queue.commitOffset).toBe(0);
  });

  it('stops everything at once: resting queues, waiting messages, and those that run within their time', async () => {
    const orderly = dispatcher(({ queueId, queueOffset, ...message }, context) =>
      queueId === 0
        ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT'
        : waiting({ queueId, queueOffset, ...message } as never, context),
    );
    const queues = [processQueue(0), processQueue(1), processQueue(2)];
    for (const queue of queues) orderly.submit(await fetched(queue, 2));
    await settle();
    const stopped = orderly.stop(5_000);
    await end('1:0');
    await clock.advanceAndSettle(5_000);
    expect(await stopped).toBe(1);
    expect(queues.map((queue) => queue.commitOffset)).toEqual([0, 1, 0]);
    orderly.submit(await fetched(queues[0]!, 1));
    await clock.advanceAndSettle(60_000);
    expect(calls).toEqual(['0:0', '1:0', '2:0']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not wait a second time for a listener that stop has waited for in vain', async () => {
    const queue = processQueue();
    const orderly = dispatcher(waiting);
    orderly.submit(await fetched(queue, 1));
    const stopped = orderly.stop(5_000);
    await clock.advanceAndSettle(5_000);
    expect(await stopped).toBe(1);
    let hasLeft = false;
    void orderly.leave(queue.queue, 5_000).then(() => (hasLeft = true));
    await settle();
    expect(hasLeft).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
