import { describe, expect, it } from '@jest/globals';
import { ConsumeDispatcher, type Delivery } from '../../../mq/client/consume-dispatcher.ts';
import { ProcessQueue } from '../../../mq/client/process-queue.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
const limits = { maxCount: 10, maxBytes: 1_000, maxSpan: 50 };

describe('stopping the dispatcher', () => {
  it('leaves no timer behind for a listener that never ends', async () => {
    const clock = new FakeClock();
    const sentBack: Delivery[] = [];
    const dispatcher = new ConsumeDispatcher({
      concurrency: 1,
      consumeTimeoutMs: 900_000,
      listener: () => new Promise(() => undefined),
      sendBack: async (delivery) => void sentBack.push(delivery),
      clock,
      logger: silentLogger,
    });
    const message = { queueOffset: 0 };
    dispatcher.submit([
      { processQueue: new ProcessQueue(queue, 0, limits), record: message, message } as Delivery,
    ]);
    const stopping = dispatcher.stop(10_000);
    await clock.advanceAndSettle(10_000);
    expect(await stopping).toBe(1);
    expect(clock.pendingTimers).toBe(0);
    clock.advance(900_000);
    await settle();
    expect(sentBack).toEqual([]);
  });
});

it('gives away the place of a listener that hangs although its queue went to another member meanwhile', async () => {
  const clock = new FakeClock();
  const got: number[] = [];
  const dispatcher = new ConsumeDispatcher({
    concurrency: 1,
    consumeTimeoutMs: 900_000,
    listener: ({ queueOffset }) => {
      got.push(queueOffset);
      return queueOffset === 0 ? new Promise(() => undefined) : undefined;
    },
    sendBack: () => Promise.reject(new Error('the other member has it')),
    clock,
    logger: silentLogger,
  });
  const deliver = (processQueue: ProcessQueue, queueOffset: number): void => {
    const message = { queueOffset };
    dispatcher.submit([{ processQueue, record: message, message } as Delivery]);
  };
  const left = new ProcessQueue(queue, 0, limits);
  deliver(left, 0);
  deliver(new ProcessQueue({ ...queue, queueId: 1 }, 1, limits), 1);
  left.drop();
  await clock.advanceAndSettle(900_000);
  expect(got).toEqual([0, 1]);
  expect(await dispatcher.stop(10_000)).toBe(0);
});
