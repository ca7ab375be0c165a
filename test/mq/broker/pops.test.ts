import { describe, expect, it } from '@jest/globals';
import { REVIVE_GROUP } from '../../../mq/broker/pop-log.ts';
import { dlqTopic, popRetryTopic } from '../../../mq/protocol/names.ts';
import { javaHashCode } from '../../../mq/protocol/properties.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import {
  bodiesOf,
  GROUP,
  nextLife,
  PopsUnderTest,
  REVIVE_TOPIC,
  TOPIC,
} from './pops-under-test.ts';

const RETRY = popRetryTopic(TOPIC, GROUP);

async function opened(
  bodies: readonly string[],
  options: Parameters<typeof PopsUnderTest.open>[1] = {},
  files = new FaultyFiles(),
): Promise<PopsUnderTest> {
  const broker = await PopsUnderTest.open(files, options);
  for (const body of bodies) await broker.send(body);
  return broker;
}

describe('a popped message', () => {
  it('is invisible to the other members of its group, and visible to other groups', async () => {
    const broker = await opened(['a', 'b']);
    expect(bodiesOf(await broker.pop({ max: 1 }))).toEqual(['a']);
    expect(bodiesOf(await broker.pop())).toEqual(['b']);
    expect(await broker.pop()).toEqual([]);
    expect(bodiesOf(await broker.pop({ group: 'other' }))).toEqual(['a', 'b']);
    await broker.close();
  });

  it('never goes to two members that pop at once', async () => {
    const broker = await opened(Array.from({ length: 100 }, (_, index) => `m${index}`));
    const pops = await Promise.all(Array.from({ length: 10 }, () => broker.pop({ max: 7 })));
    const popped = pops.flat().map(({ queueOffset }) => queueOffset);
    expect(new Set(popped).size).toBe(70);
    expect(popped).toHaveLength(70);
    await broker.close();
  });

  it('that is acknowledged never comes again, and costs nothing on disk', async () => {
    const broker = await opened(['a', 'b']);
    await broker.ack(...(await broker.pop()));
    expect(broker.offset()).toBe(2);
    await broker.advance(3_600_000);
    expect(await broker.pop()).toEqual([]);
    expect(await broker.checkpoints()).toEqual([]);
    expect(broker.pops.invisibleCount).toBe(0);
    await broker.close();
  });

  it('that is not acknowledged in time comes again as a redelivery, not before', async () => {
    const broker = await opened(['a', 'b']);
    const [a, b] = await broker.pop({ invisibleMs: 5_000 });
    await broker.ack(b!);
    await broker.advance(4_900);
    expect(await broker.pop()).toEqual([]);
    await broker.advance(200);
    const again = await broker.pop();
    expect(again).toMatchObject([{ body: 'a', topic: RETRY, reconsumeTimes: 1 }]);
    expect(broker.offset()).toBe(2);
    // The old handle counts for nothing.
    await broker.ack(a!);
    await broker.advance(60_000);
    expect(await broker.pop()).toMatchObject([{ body: 'a', reconsumeTimes: 2 }]);
    await broker.close();
  });

  it('shows the topic it was sent to when it comes again, with its handle, and what it was before', async () => {
    const broker = await opened(['a']);
    await broker.pop({ invisibleMs: 1_000 });
    await broker.advance(1_100);
    await broker.pop();
    const [record] = broker.lastResult.records;
    const { decodeRecord } = await import('../../../mq/protocol/message.ts');
    const { topic, properties, body } = decodeRecord(record!);
    expect(topic).toBe(TOPIC);
    expect(body.toString()).toBe('a');
    expect(properties.get('POP_CK')).toMatch(/^0 \d{13} 60000 \d 1 broker-a 0 0$/);
    expect(properties.get('1ST_POP_TIME')).toBe(String(Date.parse('2030-01-01T00:00:00Z')));
    expect(properties.get('RETRY_TOPIC')).toBe(TOPIC);
    await broker.close();
  });

  it('goes to the DLQ when it has come again as often as its group allows', async () => {
    const broker = await opened(['a'], { retryMaxTimes: 2 });
    for (const reconsumeTimes of [0, 1, 2]) {
      expect(await broker.pop({ invisibleMs: 1_000 })).toMatchObject([{ reconsumeTimes }]);
      await broker.advance(1_100);
    }
    expect(await broker.pop()).toEqual([]);
    expect(await broker.bodies(dlqTopic(GROUP))).toEqual(['a']);
    expect(broker.pops.invisibleCount).toBe(0);
    await broker.close();
  });

  it('holds back the progress of its group while only memory knows of it, and its checkpoint lets that go on', async () => {
    const broker = await opened(['a', 'b', 'c']);
    const [, b] = await broker.pop({ invisibleMs: 60_000 });
    await broker.ack(b!);
    expect(broker.offset()).toBe(0);
    await broker.advance(9_900);
    expect(await broker.checkpoints()).toEqual([]);
    await broker.advance(200);
    expect(broker.offset()).toBe(3);
    expect(await broker.checkpoints()).toEqual(['ck']);
    await broker.close();
  });

  it('is acknowledged in the revive log once it is in there, and the log is done with then', async () => {
    const broker = await opened(['a', 'b']);
    const [a, b] = await broker.pop();
    await broker.advance(10_100);
    await broker.ack(a!);
    await broker.ack(b!);
    await broker.ack(b!);
    expect(await broker.checkpoints()).toEqual(['ck', 'ack', 'ack']);
    await broker.advance(60_000);
    expect(await broker.pop()).toEqual([]);
    expect(broker.offsets.query(REVIVE_GROUP, REVIVE_TOPIC, 0) ?? -1).toBe(
      broker.store.maxOffset(REVIVE_TOPIC, 0) - 1,
    );
    await broker.close();
  });

  it('comes again at the time it is changed to, under its new handle only', async () => {
    const broker = await opened(['a']);
    const [a] = await broker.pop({ invisibleMs: 60_000 });
    await broker.advance(100);
    const changed = await broker.change(a!, 1_000);
    expect(await failure(broker.change(a!, 1_000))).toMatchObject({ code: 'NO_MESSAGE' });
    await broker.ack(a!);
    await broker.advance(1_100);
    const [again] = await broker.pop({ invisibleMs: 20_000 });
    expect(again).toMatchObject({ body: 'a', reconsumeTimes: 1 });
    expect(await failure(broker.change(changed, 1_000))).toMatchObject({ code: 'NO_MESSAGE' });
    await broker.advance(11_000);
    // Now with a checkpoint.
    const later = await broker.change(again!, 30_000);
    await broker.advance(29_000);
    expect(await broker.pop()).toEqual([]);
    await broker.ack(later);
    await broker.advance(60_000);
    expect(await broker.pop()).toEqual([]);
    expect(broker.pops.invisibleCount).toBe(0);
    await broker.close();
  });

  it('keeps its time when the wall clock is set', async () => {
    const broker = await opened(['a']);
    await broker.pop({ invisibleMs: 5_000 });
    broker.clock.jumpWallClock(-3_600_000);
    await broker.advance(4_800);
    expect(await broker.pop()).toEqual([]);
    broker.clock.jumpWallClock(7_200_000);
    expect(await broker.pop()).toEqual([]);
    await broker.advance(300);
    expect(bodiesOf(await broker.pop())).toEqual(['a']);
    await broker.close();
  });

  it('does not come again when its topic was deleted, or its group', async () => {
    const logger = new RecordingLogger();
    const broker = await opened(['a'], { logger });
    await broker.pop({ invisibleMs: 1_000 });
    broker.topics.delete(TOPIC);
    await broker.advance(2_000);
    expect(broker.pops.invisibleCount).toBe(0);
    expect(logger.messages('warn').join()).toContain('deleted');
    await broker.close();
  });

  it('is not taken for somebody who is gone', async () => {
    const broker = await opened(['a']);
    let looks = 0;
    expect(await broker.pop({ queueId: 0, isWanted: () => ++looks < 2 })).toEqual([]);
    expect(bodiesOf(await broker.pop())).toEqual(['a']);
    await broker.close();
  });
});

describe('a group that pops', () => {
  it('gets what matches its tags, and its progress passes the others', async () => {
    const broker = await PopsUnderTest.open(new FaultyFiles());
    for (let index = 0; index < 30; index++)
      await broker.send(`${index}`, 0, index % 10 ? 'x' : 'y');
    const popped = await broker.pop({ tagsCodes: new Set([javaHashCode('y')]) });
    expect(bodiesOf(popped)).toEqual(['0', '10', '20']);
    expect(broker.offset()).toBe(0);
    await broker.ack(...popped);
    expect(broker.offset()).toBe(30);
    await broker.close();
  });

  it('that is new begins at the first message, or at the last one of an old queue', async () => {
    const broker = await opened(['a', 'b', 'c']);
    // A young queue is consumed from its beginning, wherever the group wants to begin.
    expect(bodiesOf(await broker.pop({ beginsAt: 'end', queueId: 0 }))).toEqual(['a', 'b', 'c']);
    await broker.close();
  });

  it('gets no more messages of a queue than it may have unacknowledged, and more for each it acknowledges', async () => {
    const broker = await opened(['a', 'b', 'c', 'd'], { threshold: 3 });
    const rooms: number[] = [];
    broker.pops.onRoom(({ queueId }) => rooms.push(queueId));
    const popped = await broker.pop();
    expect(popped).toHaveLength(3);
    expect(await broker.pop()).toEqual([]);
    expect(broker.lastResult.restCount).toBe(1);
    await broker.ack(popped[1]!);
    expect(rooms).toEqual([0]);
    expect(bodiesOf(await broker.pop())).toEqual(['d']);
    await broker.close();
  });

  it('goes where its progress is set to, forwards and back, without what is invisible', async () => {
    const broker = await opened(['a', 'b', 'c', 'd', 'e']);
    const reset = (queueOffset: number): boolean =>
      broker.offsets.commit({
        group: GROUP,
        topic: TOPIC,
        queueId: 0,
        queueOffset,
        client: 'test',
      });
    const popped = await broker.pop({ max: 3 });
    await broker.ack(popped[0]!);
    reset(4);
    expect(bodiesOf(await broker.pop())).toEqual(['e']);
    expect(broker.offset()).toBe(4);
    reset(0);
    // b, c and e are invisible still.
    expect(bodiesOf(await broker.pop())).toEqual(['a', 'd']);
    expect(broker.offset()).toBe(0);
    await broker.close();
  });

  it('does not lose what was invisible below where its progress was set, even in a crash', async () => {
    const files = new FaultyFiles();
    const broker = await opened(['a', 'b', 'c'], {}, files);
    await broker.pop({ max: 2, invisibleMs: 60_000 });
    const at = { group: GROUP, topic: TOPIC, queueId: 0, queueOffset: 3, client: 'test' };
    broker.offsets.commit(at);
    await broker.advance(15_100);
    files.killProcess();
    const after = await PopsUnderTest.open(files, { clock: nextLife(broker.clock) });
    expect(after.offset()).toBe(3);
    await after.advance(60_000);
    expect(bodiesOf(await after.pop()).toSorted()).toEqual(['a', 'b']);
    await after.close();
  });
});

describe('after a restart', () => {
  it('in good order nothing is repeated, what is invisible stays so, and comes again at its time', async () => {
    const files = new FaultyFiles();
    const broker = await opened(['a', 'b', 'c'], {}, files);
    const [a, , c] = await broker.pop({ invisibleMs: 30_000 });
    await broker.ack(a!);
    await broker.advance(5_000);
    await broker.close();
    const after = await PopsUnderTest.open(files, { clock: nextLife(broker.clock, 1_000) });
    expect(await after.pop()).toEqual([]);
    // A handle outlives the process that gave it.
    await after.ack(c!);
    await after.advance(23_900);
    expect(await after.pop()).toEqual([]);
    await after.advance(200);
    expect(bodiesOf(await after.pop())).toEqual(['b']);
    await after.close();
  });

  it('by kill -9 what was popped just now is popped once more, at once', async () => {
    const files = new FaultyFiles();
    const broker = await opened(['a', 'b'], {}, files);
    const [a] = await broker.pop();
    await broker.ack(a!);
    await broker.advance(6_000);
    files.killProcess();
    const after = await PopsUnderTest.open(files, { clock: nextLife(broker.clock) });
    // The acknowledgement of a had been saved, for nothing before it was open.
    expect(bodiesOf(await after.pop())).toEqual(['b']);
    await after.close();
  });

  it('by kill -9 what has a checkpoint stays invisible although the progress was not saved', async () => {
    const files = new FaultyFiles();
    const broker = await opened(['a', 'b'], {}, files);
    await broker.pop({ max: 1, invisibleMs: 30_000 });
    await broker.advance(10_100);
    files.killProcess();
    const after = await PopsUnderTest.open(files, { clock: nextLife(broker.clock) });
    expect(bodiesOf(await after.pop())).toEqual(['b']);
    await after.advance(20_100);
    expect(bodiesOf(await after.pop())).toEqual(['a']);
    await after.close();
  });

  it('by kill -9 what was given more time comes again, also with the wall clock set back before', async () => {
    const files = new FaultyFiles();
    const broker = await opened(['a', 'b'], {}, files);
    const [a] = await broker.pop({ max: 1, invisibleMs: 60_000 });
    await broker.advance(16_000);
    broker.clock.jumpWallClock(-3_600_000);
    await broker.change(a!, 30_000);
    files.killProcess();
    const after = await PopsUnderTest.open(files, { clock: nextLife(broker.clock) });
    expect(bodiesOf(await after.pop())).toEqual(['b']);
    await after.advance(30_200);
    expect(bodiesOf(await after.pop())).toEqual(['a']);
    await after.close();
  });

  it('with fewer queues of the revive log, what is in the others still comes again', async () => {
    const files = new FaultyFiles();
    const clock = new FakeClock();
    const broker = await PopsUnderTest.open(files, { clock, reviveQueues: 4 });
    for (const body of ['a', 'b', 'c', 'd']) {
      await broker.send(body);
      await broker.pop({ queueId: 0 });
    }
    await broker.advance(12_000);
    await broker.close();
    const later = await PopsUnderTest.open(files, { clock: nextLife(clock), reviveQueues: 1 });
    expect(later.pops.invisibleCount).toBe(4);
    await later.advance(60_000);
    expect(bodiesOf(await later.pop()).toSorted()).toEqual(['a', 'b', 'c', 'd']);
    await later.close();
  });

  it('what came again before is not let come once more for its old checkpoint', async () => {
    const files = new FaultyFiles();
    const broker = await opened(['a', 'b', 'c'], {}, files);
    // a and c are in the same queue of the revive log, and a keeps that from being done with.
    await broker.pop({ queueId: 0, max: 1, invisibleMs: 60_000 });
    await broker.pop({ queueId: 0, max: 1, invisibleMs: 60_000 });
    await broker.pop({ queueId: 0, max: 1, invisibleMs: 12_000 });
    await broker.advance(12_200);
    expect(await broker.bodies(RETRY)).toEqual(['c']);
    files.killProcess();
    const after = await PopsUnderTest.open(files, { clock: nextLife(broker.clock) });
    expect(after.pops.invisibleCount).toBe(2);
    await after.advance(1_000);
    expect(await after.bodies(RETRY)).toEqual(['c']);
    await after.close();
  });

  it('with a wall clock set far back, what is invisible waits its whole time and no longer', async () => {
    const files = new FaultyFiles();
    const broker = await opened(['a'], {}, files);
    await broker.pop({ invisibleMs: 30_000 });
    await broker.close();
    const after = await PopsUnderTest.open(files, { clock: nextLife(broker.clock, -86_400_000) });
    await after.advance(29_900);
    expect(await after.pop()).toEqual([]);
    await after.advance(200);
    expect(bodiesOf(await after.pop())).toEqual(['a']);
    await after.close();
  });
});

describe('when a crash has taken the end of the revive log', () => {
  it('what is logged there next counts, although the progress was beyond it', async () => {
    const files = new FaultyFiles();
    const broker = await opened(['a', 'b'], {}, files);
    for (const queueId of [0, 1]) {
      const at = { group: REVIVE_GROUP, topic: REVIVE_TOPIC, queueId };
      broker.offsets.commit({ ...at, queueOffset: 7, client: 'test' });
    }
    await broker.close();
    const next = await PopsUnderTest.open(files, { clock: nextLife(broker.clock) });
    await next.pop({ invisibleMs: 30_000 });
    await next.advance(15_100);
    expect(next.offset()).toBe(2);
    files.killProcess();
    const after = await PopsUnderTest.open(files, { clock: nextLife(next.clock) });
    expect(await after.pop()).toEqual([]);
    await after.advance(15_100);
    expect(bodiesOf(await after.pop()).toSorted()).toEqual(['a', 'b']);
    await after.close();
  });
});

describe('with a full disk', () => {
  it('nothing is lost: what is due waits, and comes again when there is room', async () => {
    const files = new FaultyFiles();
    const store = { diskMaxUsedPercent: 100, diskMinFreeBytes: 0 };
    const broker = await opened(['a', 'b'], { store }, files);
    await broker.pop({ invisibleMs: 5_000 });
    for (let times = 0; times < 2; times++) {
      files.failNext('write', { path: 'commitlog', code: 'ENOSPC' });
      await broker.advance(times === 0 ? 5_100 : 1_000);
      expect(await broker.pop()).toEqual([]);
      expect(broker.pops.invisibleCount).toBe(2);
      expect(broker.offset()).toBe(0);
    }
    await broker.advance(3_000);
    expect(bodiesOf(await broker.pop()).toSorted()).toEqual(['a', 'b']);
    await broker.close();
  });

  it('an acknowledgement that has to be logged is refused, and can be given again', async () => {
    const files = new FaultyFiles();
    const store = { diskMaxUsedPercent: 100, diskMinFreeBytes: 0 };
    const broker = await opened(['a'], { store }, files);
    const [a] = await broker.pop();
    await broker.advance(10_100);
    files.failNext('write', { path: 'commitlog', code: 'ENOSPC' });
    expect((await failure(broker.ack(a!))).code).toBe('SERVICE_NOT_AVAILABLE');
    expect(broker.pops.invisibleCount).toBe(1);
    await broker.advance(1_100);
    await broker.ack(a!);
    expect(broker.pops.invisibleCount).toBe(0);
    await broker.advance(60_000);
    expect(await broker.pop()).toEqual([]);
    await broker.close();
  });
});
