import { describe, expect, it } from '@jest/globals';
import { brokerConfig } from '../../../../mq/broker/config.ts';
import type { BrokerContext } from '../../../../mq/broker/broker-context.ts';
import { LongPolling } from '../../../../mq/broker/long-polling.ts';
import { pullMessageProcessor } from '../../../../mq/broker/processors/pull-message.ts';
import { requestCommand } from '../../../../mq/protocol/frame.ts';
import { pullMessage } from '../../../../mq/protocol/requests/pull-message.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { PullSysFlag } from '../../../../mq/protocol/sys-flag.ts';
import type { Connection } from '../../../../mq/remoting/connection.ts';
import { awaitable, type Reply } from '../../../../mq/remoting/processor.ts';
import type { GetResult } from '../../../../mq/store/message-store.ts';
import { FakeChannel } from '../../../support/fake-channel.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';

/** A queue whose reads end when the test says so. */
class SlowQueue {
  maxOffset = 0;
  /** Messages before this offset are not wanted. */
  wantedFrom = 0;
  readonly #reads: (() => void)[] = [];

  get(queueOffset: number): Promise<GetResult> {
    const maxOffset = this.maxOffset;
    const found = Math.max(queueOffset, this.wantedFrom) < maxOffset;
    const isFruitless = !found && queueOffset < maxOffset;
    return new Promise((resolve) => {
      this.#reads.push(() =>
        resolve({
          status: found ? 'FOUND' : isFruitless ? 'NO_MATCHED_MESSAGE' : atTheEnd(maxOffset),
          buffers: found ? [Buffer.from('record')] : [],
          count: found ? 1 : 0,
          nextBeginOffset: Math.max(maxOffset, queueOffset),
          minOffset: 0,
          maxOffset,
        }),
      );
    });
  }

  get pendingReads(): number {
    return this.#reads.length;
  }

  async finishRead(): Promise<void> {
    this.#reads.shift()!();
    await settle();
  }
}

function atTheEnd(maxOffset: number): GetResult['status'] {
  return maxOffset === 0 ? 'NO_MESSAGE_IN_QUEUE' : 'OFFSET_OVERFLOW_ONE';
}

function setUp({ maxHeldPulls = 10 } = {}) {
  const clock = new FakeClock();
  const queue = new SlowQueue();
  const longPolling = new LongPolling({ clock, maxOffsetOf: () => queue.maxOffset, maxHeldPulls });
  const parts = {
    config: brokerConfig(),
    peerClock: clock,
    longPolling,
    store: {
      get: ({ queueOffset }: { queueOffset: number }) => queue.get(queueOffset),
      maxOffset: () => queue.maxOffset,
    },
    consumers: { get: () => undefined, isInDispute: () => false },
    groups: { get: () => ({ consumeEnable: true }) },
    topics: { get: () => ({ perm: 6, readQueueNums: 1 }) },
    resets: { movesPull: () => undefined },
    offsets: { notePull: () => undefined, pendingReset: () => undefined },
    getRates: { add: () => undefined },
    traffic: { noteHandedOut: () => undefined },
    messagesGot: { add: () => undefined },
  };
  const process = pullMessageProcessor(parts as unknown as BrokerContext);
  const channel = new FakeChannel();
  const pull = () => {
    const outcomes: (Reply | undefined | Error)[] = [];
    const request = requestCommand({
      code: pullMessage.code,
      extFields: pullMessage.encodeRequest({
        consumerGroup: 'cg',
        topic: 'TopicA',
        queueId: 0,
        queueOffset: 0,
        maxMsgNums: 32,
        sysFlag: PullSysFlag.SUSPEND | PullSysFlag.SUBSCRIPTION,
        commitOffset: 0,
        suspendTimeoutMillis: 15_000,
        subscription: '*',
        subVersion: 0,
      }),
    });
    Promise.resolve(awaitable(process(request, channel as unknown as Connection))).then(
      (reply) => outcomes.push(reply),
      (error: unknown) => outcomes.push(error as Error),
    );
    return outcomes;
  };
  const arrive = (): void => {
    const queueOffset = queue.maxOffset++;
    longPolling.messageArrived({ topic: 'TopicA', queueId: 0, queueOffset, tagsCode: 0 });
  };
  return { clock, queue, longPolling, channel, pull, arrive };
}

describe('a pull whose read takes its time', () => {
  it('does not miss the message that arrives between the read and the hold', async () => {
    const { queue, longPolling, pull, arrive } = setUp();
    const outcomes = pull();
    await settle();
    arrive();
    await queue.finishRead();
    expect([outcomes, longPolling.heldCount, queue.pendingReads]).toEqual([[], 0, 1]);
    await queue.finishRead();
    expect(outcomes).toMatchObject([{ code: ResponseCode.SUCCESS, body: Buffer.from('record') }]);
  });

  it('is answered once when its time is up while it looks again', async () => {
    const { clock, queue, longPolling, pull, arrive } = setUp();
    const outcomes = pull();
    await settle();
    await queue.finishRead();
    expect(longPolling.heldCount).toBe(1);
    arrive();
    await settle();
    await clock.advanceAndSettle(60_000);
    arrive();
    expect(outcomes).toEqual([]);
    await queue.finishRead();
    expect(outcomes).toMatchObject([{ code: ResponseCode.SUCCESS }]);
    expect([queue.pendingReads, longPolling.heldCount]).toEqual([0, 0]);
  });

  it('looks once more when its time is up, and then does not wait again', async () => {
    const { clock, queue, longPolling, pull } = setUp();
    const outcomes = pull();
    await settle();
    await queue.finishRead();
    await clock.advanceAndSettle(15_000);
    expect([outcomes, queue.pendingReads]).toEqual([[], 1]);
    await queue.finishRead();
    expect(outcomes).toMatchObject([
      { code: ResponseCode.PULL_NOT_FOUND, remark: 'NO_MESSAGE_IN_QUEUE' },
    ]);
    expect(longPolling.heldCount).toBe(0);
  });

  it('is not held for a connection that closed during the read', async () => {
    const { queue, longPolling, channel, pull } = setUp();
    const outcomes = pull();
    await settle();
    channel.destroy();
    await queue.finishRead();
    expect([outcomes.length, longPolling.heldCount]).toEqual([1, 0]);
  });

  it('is told that the broker is busy when too many are held', async () => {
    const { queue, pull } = setUp({ maxHeldPulls: 1 });
    const first = pull();
    const second = pull();
    await settle();
    await queue.finishRead();
    await queue.finishRead();
    expect(first).toEqual([]);
    expect(second).toMatchObject([{ code: 'SYSTEM_BUSY', retriable: true }]);
  });
});

describe('a pull that finds nothing it wants up to the end', () => {
  it('is told so, though not at once: its consumer would ask again for every message', async () => {
    const { clock, queue, longPolling, pull, arrive } = setUp();
    queue.wantedFrom = 5;
    for (let count = 0; count < 3; count++) arrive();
    const outcomes = pull();
    await settle();
    await queue.finishRead();
    expect([outcomes, longPolling.heldCount]).toEqual([[], 1]);
    await clock.advanceAndSettle(200);
    expect(outcomes).toMatchObject([
      { code: ResponseCode.PULL_RETRY_IMMEDIATELY, extFields: { nextBeginOffset: '3' } },
    ]);
    expect([longPolling.heldCount, queue.pendingReads]).toEqual([0, 0]);
  });

  it('brings what arrives in the meantime, and does not look twice at what is not wanted', async () => {
    const { queue, pull, arrive } = setUp();
    queue.wantedFrom = 1;
    arrive();
    const outcomes = pull();
    await settle();
    await queue.finishRead();
    arrive();
    await settle();
    await queue.finishRead();
    expect(outcomes).toMatchObject([
      { code: ResponseCode.SUCCESS, extFields: { nextBeginOffset: '2' } },
    ]);
  });

  it('is told so at once when more has come while it was read, and when too many are held', async () => {
    const { queue, pull, arrive } = setUp({ maxHeldPulls: 0 });
    queue.wantedFrom = 9;
    arrive();
    const [first, second] = [pull(), pull()];
    await settle();
    await queue.finishRead();
    expect(first).toMatchObject([{ code: ResponseCode.PULL_RETRY_IMMEDIATELY }]);
    arrive();
    await queue.finishRead();
    expect(second).toMatchObject([
      { code: ResponseCode.PULL_RETRY_IMMEDIATELY, extFields: { nextBeginOffset: '1' } },
    ]);
  });
});
