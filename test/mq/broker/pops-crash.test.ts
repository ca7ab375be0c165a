import { describe, expect, it } from '@jest/globals';
import '../../support/long-time-limit.ts';
import { dlqTopic } from '../../../mq/protocol/names.ts';
import type { FlushDiskType } from '../../../mq/store/group-commit.ts';
import { DyingFiles, type Death } from '../../support/dying-files.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { GROUP, nextLife, PopsUnderTest, type PoppedMessage } from './pops-under-test.ts';

/** What the group was told, and what it told the broker. */
class Heard {
  readonly sent = new Set<string>();
  /** Acknowledged; of the last one the answer may be missing. */
  readonly acked = new Set<string>();
}

/** Everything that happens to popped messages, with a restart in good order in the middle. Errors: that the process died. */
async function live(
  files: DyingFiles,
  flushDiskType: FlushDiskType,
  heard: Heard,
): Promise<FakeClock> {
  let clock = new FakeClock();
  const options = { retryMaxTimes: 1, store: { flushDiskType } };
  const disk = files.process();
  try {
    let broker: PopsUnderTest = await PopsUnderTest.open(disk, { ...options, clock });
    const ack = async (...popped: readonly PoppedMessage[]): Promise<void> => {
      for (const { body } of popped) heard.acked.add(body);
      await broker.ack(...popped);
    };
    for (const body of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await broker.send(body);
      heard.sent.add(body);
    }
    const [a, b, c, d] = await broker.pop({ max: 4, invisibleMs: 12_000 });
    await ack(a!);
    await broker.advance(3_000);
    const later = await broker.change(b!, 40_000);
    // c, d and b go into the revive log; the progress passes them.
    await broker.advance(8_000);
    await ack(c!);
    // d comes again.
    await broker.advance(2_000);
    const [again, e] = await broker.pop({ invisibleMs: 4_000 });
    const latest = await broker.change(later, 9_000);
    await broker.close();
    clock = nextLife(clock);
    broker = await PopsUnderTest.open(disk, { ...options, clock });
    expect(again!.body).toBe(d!.body);
    await ack(e!);
    // d once too often, f a first time, b at its changed time.
    await broker.advance(4_100);
    await broker.advance(6_000);
    const rest = await broker.pop({ invisibleMs: 60_000 });
    for (const popped of rest) await ack(popped);
    expect(latest.body).toBe('b');
    await broker.close();
    return clock;
  } catch (cause) {
    if (!files.isDead) throw cause;
    return clock;
  }
}

/** Members that acknowledge everything come and go on until nothing is left; returns what they got. */
async function drain(
  disk: FaultyFiles,
  clock: FakeClock,
): Promise<{ got: string[]; dead: string[] }> {
  const broker = await PopsUnderTest.open(disk, { clock: nextLife(clock), retryMaxTimes: 1 });
  const got: string[] = [];
  // What comes again in one round is popped in the next.
  for (let round = 0, quiet = 0; round < 30 && quiet < 2; round++) {
    const before = got.length;
    for (const popped of await broker.pop()) {
      got.push(popped.body);
      await broker.ack(popped);
    }
    await broker.advance(5_000);
    quiet = got.length === before && broker.pops.invisibleCount === 0 ? quiet + 1 : 0;
  }
  expect(broker.pops.invisibleCount).toBe(0);
  const dead = await broker.bodies(dlqTopic(GROUP));
  const end = broker.store.maxOffset('TopicA', 0);
  if (end > 0) expect(broker.offset()).toBe(end);
  await broker.close();
  return { got, dead };
}

const tears: Record<string, (bytes: Uint8Array) => number> = {
  'before it': () => 0,
  'in its middle': (bytes) => bytes.length >> 1,
  'behind it': (bytes) => bytes.length,
};

describe.each<[Death, FlushDiskType]>([
  ['kill', 'ASYNC_FLUSH'],
  ['power', 'SYNC_FLUSH'],
])('after a %s at any write with %s', (death, flushDiskType) => {
  it.each(Object.keys(tears))(
    '%s, every message is acknowledged, dead or popped again',
    async (how) => {
      const counted = new DyingFiles(new FaultyFiles(), { at: Infinity, death, tear: tears[how]! });
      const whole = new Heard();
      await live(counted, flushDiskType, whole);
      expect(whole.sent.size).toBe(6);
      for (let at = 1; at <= counted.count; at++) {
        const disk = new FaultyFiles(at);
        const files = new DyingFiles(disk, { at, death, tear: tears[how]! });
        const heard = new Heard();
        const clock = await live(files, flushDiskType, heard);
        if (death === 'kill') disk.killProcess();
        else disk.cutPower();
        const { got, dead } = await drain(disk, clock);
        const lost = [...heard.sent].filter(
          (body) => !heard.acked.has(body) && !got.includes(body) && !dead.includes(body),
        );
        expect({ at, lost }).toEqual({ at, lost: [] });
      }
    },
  );
});
