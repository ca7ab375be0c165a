import { describe, expect, it } from '@jest/globals';
import type { Decision } from '../../../mq/broker/transaction-table.ts';
import { MqError } from '../../../mq/errors.ts';
import { readRecordHeader } from '../../../mq/protocol/message.ts';
import type { FlushDiskType } from '../../../mq/store/group-commit.ts';
import { DyingFiles, type Death } from '../../support/dying-files.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { MAX_CHECKS, TransactionsUnderTest, type Place } from './transactions-under-test.ts';

/** What every half message's producer wants, whoever asks it and how often. */
const wanted: Readonly<Record<string, Decision>> = {
  committed: 'COMMIT',
  'rolled back': 'ROLLBACK',
  checked: 'COMMIT',
  'given up and resumed': 'COMMIT',
  'left open': 'COMMIT',
};

/** What was acknowledged before the crash. */
class Acks {
  readonly halves = new Map<string, Place>();
  readonly ends = new Set<string>();
}

/** Every step in the life of a transaction, one after the other. */
async function live(broker: TransactionsUnderTest, acks: Acks): Promise<void> {
  for (const body of Object.keys(wanted)) acks.halves.set(body, await broker.half(body));
  for (const body of ['committed', 'rolled back']) {
    await broker.end(acks.halves.get(body)!, wanted[body]!);
    acks.ends.add(body);
  }
  broker.join('p1');
  await broker.round();
  const check = broker.takeChecks().find(({ body }) => body === 'checked')!;
  await broker.end(check, 'COMMIT', true);
  acks.ends.add('checked');
  for (let round = 0; round < MAX_CHECKS; round++) await broker.round();
  const discarded = await broker.discarded();
  const resumable = discarded.find(({ body }) => body.toString() === 'given up and resumed')!;
  await broker.transactions.resume(resumable.offsetMsgId);
  await broker.round();
  const last = broker.takeChecks().findLast(({ body }) => body === 'given up and resumed')!;
  await broker.end(last, 'COMMIT', true);
  acks.ends.add('given up and resumed');
  await broker.close();
}

/** Producers and an operator go on until nothing is open; what they are told of once is true for ever. */
async function bringToAnEnd(broker: TransactionsUnderTest): Promise<void> {
  broker.join('p2');
  for (let round = 0; round < 12; round++) {
    await broker.round();
    for (const check of broker.takeChecks()) await broker.end(check, wanted[check.body]!, true);
    for (const { offsetMsgId } of await broker.discarded()) {
      await broker.transactions.resume(offsetMsgId).catch((cause: unknown) => {
        if (!MqError.is(cause) || !cause.message.includes('resumed already')) throw cause;
      });
    }
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settled) => (resolve = settled));
  return { promise, resolve };
}

/** Where a write of several records is cut. */
const tears: Record<string, (bytes: Uint8Array) => number> = {
  'before it': () => 0,
  'within a record': (bytes) => Math.floor(bytes.length / 2),
  'behind one record': (bytes) => endOfRecord(bytes, 1),
  'behind two records': (bytes) => endOfRecord(bytes, 2),
  'behind three records': (bytes) => endOfRecord(bytes, 3),
  'behind five records': (bytes) => endOfRecord(bytes, 5),
  'one byte short': (bytes) => bytes.length - 1,
  'behind it': (bytes) => bytes.length,
};

function endOfRecord(bytes: Uint8Array, count: number): number {
  const buffer = Buffer.from(bytes);
  let end = 0;
  for (let index = 0; index < count && end < buffer.length; index++) {
    end += readRecordHeader(buffer, end).totalSize;
  }
  return end;
}

interface CrashPoint {
  readonly at: number;
  readonly death: Death;
  readonly tear: (bytes: Uint8Array) => number;
  readonly flushDiskType: FlushDiskType;
}

async function crashAt({ at, death, tear, flushDiskType }: CrashPoint): Promise<DyingFiles> {
  const disk = new FaultyFiles(at);
  const { promise: isOver, resolve: onDeath } = withResolvers();
  const dying = new DyingFiles(disk, { at, death, tear, onDeath });
  const acks = new Acks();
  const store = { flushDiskType, consumeQueueWriteIntervalMs: 1_000 };
  let broker: TransactionsUnderTest | undefined;
  const life = TransactionsUnderTest.open(dying.process(), { store }).then((opened) => {
    broker = opened;
    return live(opened, acks);
  });
  await Promise.race([
    isOver,
    life.catch((cause: unknown) => {
      if (!dying.isDead) throw cause;
    }),
  ]);
  // What the dead process still answers reaches nobody.
  const known = { halves: new Map(acks.halves), ends: new Set(acks.ends) };
  await Promise.allSettled([broker?.store.close()]);

  const later = (broker?.clock.now() ?? 1_700_000_000_000) + 1_000;
  const again = await TransactionsUnderTest.open(disk.process(), { store, startMs: later });
  const visible = await again.visible();
  expect(new Set(visible).size).toBe(visible.length);
  for (const body of visible) {
    expect(wanted[body]).toBe('COMMIT');
    expect(body).not.toBe('left open');
  }
  for (const body of known.ends) {
    if (wanted[body] === 'COMMIT') expect(visible).toContain(body);
  }
  for (const [body, place] of known.halves) {
    // The producer repeats what it has said, not knowing whether that was heard.
    if (!known.ends.has(body)) continue;
    await again.end(place, wanted[body]!);
    const opposite = wanted[body] === 'COMMIT' ? 'ROLLBACK' : 'COMMIT';
    await expect(again.end(place, opposite)).rejects.toThrow(MqError);
  }
  await bringToAnEnd(again);
  const atTheEnd = await again.visible();
  expect(new Set(atTheEnd).size).toBe(atTheEnd.length);
  for (const [body, decision] of Object.entries(wanted)) {
    if (decision === 'ROLLBACK') expect(atTheEnd).not.toContain(body);
    else if (known.halves.has(body)) expect(atTheEnd).toContain(body);
  }
  expect(again.transactions.openCount).toBe(0);
  await again.close();
  return dying;
}

describe('a broker that dies in the middle of a transaction', () => {
  it.each([
    ['kill', 'ASYNC_FLUSH'],
    ['kill', 'SYNC_FLUSH'],
    ['power', 'SYNC_FLUSH'],
  ] as const)(
    'keeps its outcome at every file operation (%s, %s)',
    async (death, flushDiskType) => {
      const whole = await crashAt({ at: Infinity, death, tear: () => 0, flushDiskType });
      expect(whole.isDead).toBe(false);
      const everywhere = Array.from({ length: whole.count }, (_, index) => index + 1);
      const appends = whole.writesTo('commitlog');
      expect(appends.length).toBeGreaterThan(10);
      for (const [name, tear] of Object.entries(tears)) {
        for (const at of name === 'within a record' ? everywhere : appends) {
          try {
            await crashAt({ at, death, tear, flushDiskType });
          } catch (cause) {
            throw new Error(`operation ${at}, cut ${name}`, { cause });
          }
        }
      }
    },
    120_000,
  );
});
