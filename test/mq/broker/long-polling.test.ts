import { describe, expect, it } from '@jest/globals';
import { LongPolling, type PullRelease } from '../../../mq/broker/long-polling.ts';
import { FakeChannel } from '../../support/fake-channel.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

function setUp(options: { maxHeldPulls?: number } = {}) {
  const clock = new FakeClock();
  const maxOffsets = new Map<string, number>();
  const longPolling = new LongPolling({
    clock,
    maxOffsetOf: (topic, queueId) => maxOffsets.get(`${topic}:${queueId}`) ?? 10,
    ...options,
  });
  const hold = (
    fields: {
      owner?: FakeChannel;
      consumerGroup?: string;
      queueId?: number;
      suspendMs?: number;
      tagsCodes?: ReadonlySet<number>;
    } = {},
  ): { releases: PullRelease[] } => {
    const releases: PullRelease[] = [];
    void longPolling
      .hold({
        ...(fields.consumerGroup !== undefined && { consumerGroup: fields.consumerGroup }),
        topic: 'TopicA',
        queueId: fields.queueId ?? 0,
        queueOffset: 10,
        tagsCodes: fields.tagsCodes,
        deadlineMs: clock.monotonicMs() + (fields.suspendMs ?? 15_000),
        owner: fields.owner ?? new FakeChannel(),
      })
      .then((release) => releases.push(release));
    return { releases };
  };
  return { clock, longPolling, maxOffsets, hold };
}

describe('a held pull', () => {
  it('looks again when a message arrives', async () => {
    const { longPolling, hold } = setUp();
    const { releases } = hold();
    await settle();
    expect(releases).toEqual([]);
    longPolling.messageArrived({ topic: 'TopicA', queueId: 0, queueOffset: 10, tagsCode: 0 });
    await settle();
    expect(releases).toEqual(['look-again']);
  });

  it('looks again when its group wants something else', async () => {
    const { longPolling, hold } = setUp();
    const [mine, other] = [hold({ consumerGroup: 'g' }), hold({ consumerGroup: 'h' })];
    longPolling.selectionChanged('g', 'TopicA');
    await settle();
    expect([mine.releases, other.releases, longPolling.heldCount]).toEqual([['look-again'], [], 1]);
  });

  it('times out when its consumer wished', async () => {
    const { clock, hold } = setUp();
    const { releases } = hold({ suspendMs: 15_000 });
    await clock.advanceAndSettle(14_999);
    expect(releases).toEqual([]);
    await clock.advanceAndSettle(1);
    expect(releases).toEqual(['timed-out']);
  });

  it('times out on its own deadline although a longer one was there before', async () => {
    const { clock, hold } = setUp();
    const long = hold({ suspendMs: 20_000 });
    const short = hold({ suspendMs: 300 });
    await clock.advanceAndSettle(300);
    expect([long.releases, short.releases]).toEqual([[], ['timed-out']]);
  });

  it('looks again within five seconds when its queue grew unnoticed', async () => {
    const { clock, maxOffsets, hold } = setUp();
    const { releases } = hold({ tagsCodes: new Set([7]) });
    maxOffsets.set('TopicA:0', 11);
    await clock.advanceAndSettle(5_000);
    expect(releases).toEqual(['look-again']);
  });

  it('is dropped when its connection closes', async () => {
    const { longPolling, hold } = setUp();
    const owner = new FakeChannel();
    const first = hold({ owner });
    const second = hold({ owner, queueId: 1 });
    const other = hold();
    owner.destroy();
    await settle();
    expect([first.releases, second.releases, other.releases]).toEqual([
      ['connection-closed'],
      ['connection-closed'],
      [],
    ]);
    expect(longPolling.heldCount).toBe(1);
  });

  it('costs its connection one close listener, however often it pulls', () => {
    const { longPolling, hold } = setUp();
    const owner = new FakeChannel();
    for (let offset = 10; offset < 50; offset++) {
      hold({ owner });
      longPolling.messageArrived({ topic: 'TopicA', queueId: 0, queueOffset: offset, tagsCode: 0 });
    }
    expect(owner.listenerCount).toBe(1);
  });
});

describe('holding', () => {
  it('is refused to a connection that is closed already', async () => {
    const { longPolling, hold } = setUp();
    const owner = new FakeChannel();
    owner.destroy();
    const { releases } = hold({ owner });
    await settle();
    expect(releases).toEqual(['connection-closed']);
    expect(longPolling.heldCount).toBe(0);
  });

  it('is refused when as many are held as may be', async () => {
    const { hold } = setUp({ maxHeldPulls: 1 });
    const first = hold();
    const second = hold();
    await settle();
    expect([first.releases, second.releases]).toEqual([[], ['too-many-held']]);
  });

  it('keeps one timer for all pulls, and none while there are no pulls', async () => {
    const { clock, hold } = setUp();
    for (let queueId = 0; queueId < 50; queueId++) hold({ queueId, suspendMs: 1_000 + queueId });
    expect(clock.pendingTimers).toBe(1);
    await clock.advanceAndSettle(60_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends for all when the broker closes, and for whoever comes later', async () => {
    const { clock, longPolling, hold } = setUp();
    const before = hold();
    longPolling.close();
    const after = hold();
    await settle();
    expect([before.releases, after.releases]).toEqual([['timed-out'], ['timed-out']]);
    expect(clock.pendingTimers).toBe(0);
  });
});
