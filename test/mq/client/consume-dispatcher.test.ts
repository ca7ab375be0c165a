import { describe, expect, it } from '@jest/globals';
import { ConsumeDispatcher, type Delivery } from '../../../mq/client/consume-dispatcher.ts';
import { oneByOne } from '../../../mq/client/listener-call.ts';
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
      call: oneByOne(() => new Promise(() => undefined)),
      sendBack: async (delivery) => void sentBack.push(delivery),
      clock,
      logger: silentLogger,
    });
    const message = { queueOffset: 0 };
    dispatcher.submit([
      {
        processQueue: new ProcessQueue(queue, 0, limits),
        record: message,
        message,
      } as unknown as Delivery,
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
    call: oneByOne(({ queueOffset }) => {
      got.push(queueOffset);
      return queueOffset === 0 ? new Promise(() => undefined) : undefined;
    }),
    sendBack: () => Promise.reject(new Error('the other member has it')),
    clock,
    logger: silentLogger,
  });
  const deliver = (processQueue: ProcessQueue, queueOffset: number): void => {
    const message = { queueOffset };
    dispatcher.submit([{ processQueue, record: message, message } as unknown as Delivery]);
  };
  const left = new ProcessQueue(queue, 0, limits);
  deliver(left, 0);
  deliver(new ProcessQueue({ ...queue, queueId: 1 }, 1, limits), 1);
  left.drop();
  await clock.advanceAndSettle(900_000);
  expect(got).toEqual([0, 1]);
  expect(await dispatcher.stop(10_000)).toBe(0);
});

describe('what waits behind a listener that hangs', () => {
  const hanging = () => {
    const ends: (() => void)[] = [];
    const dispatcher = new ConsumeDispatcher({
      concurrency: 1,
      consumeTimeoutMs: 900_000,
      call: oneByOne(() => new Promise((resolve) => ends.push(() => resolve()))),
      sendBack: () => Promise.resolve(),
      clock: new FakeClock(),
      logger: silentLogger,
    });
    return { dispatcher, ends };
  };
  const fetched = (processQueue: Delivery['processQueue'], count: number): Delivery[] =>
    Array.from({ length: count }, (_, queueOffset) => {
      const message = { queueOffset };
      return { processQueue, record: message, message } as unknown as Delivery;
    });

  it('is forgotten when its queue is dropped, however often that comes and goes', async () => {
    const { dispatcher, ends } = hanging();
    dispatcher.submit(fetched(new ProcessQueue(queue, 0, limits), 1));
    let looks = 0;
    for (let round = 0; round < 100; round++) {
      let isDropped = false;
      const left = {
        queue,
        get isDropped() {
          looks++;
          return isDropped;
        },
        finish: () => true,
      };
      dispatcher.submit(fetched(left, 1_000));
      isDropped = true;
    }
    looks = 0;
    ends[0]!();
    await settle();
    expect(looks).toBeGreaterThan(0);
    expect(looks).toBeLessThan(10_000);
  });

  it('may be more than a call takes arguments', async () => {
    const { dispatcher, ends } = hanging();
    dispatcher.submit(fetched(new ProcessQueue(queue, 0, limits), 200_000));
    await settle();
    expect(ends).toHaveLength(1);
  });
});
