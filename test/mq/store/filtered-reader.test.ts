import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { PropertyFilter } from '../../../mq/protocol/filter/property-filter.ts';
import { decodeRecords, recordProperties } from '../../../mq/protocol/message.ts';
import type { GetResult, MessageStore } from '../../../mq/store/message-store.ts';
import type { StoreOptions } from '../../../mq/store/message-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { message, openStore } from './store-under-test.ts';
import { plays } from '../../support/plays.ts';

const request = { topic: 'TopicA', queueId: 0, queueOffset: 0, maxCount: 32, maxBytes: 1 << 20 };
const filter = new PropertyFilter("wanted = 'yes'");

interface Stored {
  isWanted: boolean;
  bodyBytes?: number;
  /** Other queues' records lie between, so that reads of this one have gaps. */
  queueId?: number;
}

async function stored(
  records: readonly Stored[],
  options: Partial<StoreOptions> = {},
): Promise<MessageStore> {
  const store = await openStore(new FaultyFiles(), {
    commitLogSegmentBytes: 64 * 1024,
    ...options,
  });
  await Promise.all(
    records.map(({ isWanted, bodyBytes = 3, queueId = 0 }, index) =>
      store.append(
        message(String(index).padEnd(bodyBytes, '.'), {
          queueId,
          properties: { wanted: isWanted ? 'yes' : 'no' },
        }),
      ),
    ),
  );
  return store;
}

const unwanted = (count: number): Stored[] =>
  Array.from({ length: count }, () => ({ isWanted: false }));

function offsetsOf({ buffers, count }: GetResult): number[] {
  const records = decodeRecords(Buffer.concat(buffers));
  expect(records).toHaveLength(count);
  return records.map(({ queueOffset }) => queueOffset);
}

describe('a scan for messages a filter wants', () => {
  it('ends after 800 entries, or 20 for each message that is asked for', async () => {
    await using store = disposable(await stored([...unwanted(1_300), { isWanted: true }]));
    const scan = (queueOffset: number, maxCount: number) =>
      store.get({ ...request, queueOffset, maxCount, filter });
    expect(await scan(0, 32)).toMatchObject({
      status: 'NO_MATCHED_MESSAGE',
      nextBeginOffset: 800,
      minOffset: 0,
      maxOffset: 1_301,
    });
    expect(await scan(0, 64)).toMatchObject({ nextBeginOffset: 1_280 });
    const found = await scan(800, 32);
    expect(offsetsOf(found)).toEqual([1_300]);
    expect(found).toMatchObject({ status: 'FOUND', nextBeginOffset: 1_301 });
  });

  it('ends when it has taken its time', async () => {
    const clock = new FakeClock();
    await using store = disposable(await stored(unwanted(300), { clock }));
    let looks = 0;
    const slow = {
      matches: () => {
        if (++looks % 100 === 0) clock.advance(10);
        return false;
      },
    };
    const result = await store.get({ ...request, filter: slow });
    expect(result.status).toBe('NO_MATCHED_MESSAGE');
    // At once: each record may take as long as all before it together.
    expect(result.nextBeginOffset).toBe(100);
    // It goes on where it ended, and looks at everything once.
    let at = result.nextBeginOffset;
    while (at < 300)
      at = (await store.get({ ...request, queueOffset: at, filter: slow })).nextBeginOffset;
    expect([at, looks]).toEqual([300, 300]);
  });

  it('reads no more than 4 MiB from disk', async () => {
    const large = Array.from({ length: 40 }, () => ({ isWanted: false, bodyBytes: 300_000 }));
    await using store = disposable(
      await stored(large, { recentBytes: 0, commitLogSegmentBytes: 1 << 20 }),
    );
    const result = await store.get({ ...request, filter });
    expect(result).toMatchObject({ status: 'NO_MATCHED_MESSAGE', nextBeginOffset: 14 });
  });

  it('brings few messages when they are on disk only, but the first whatever its size', async () => {
    const records = Array.from({ length: 30 }, (_, n) => ({
      isWanted: n % 2 === 0,
      bodyBytes: 900,
    }));
    const transferLimits = { memoryBytes: 0, maxCountOnDisk: 4, maxBytesOnDisk: 1_500 };
    await using store = disposable(await stored(records, { recentBytes: 0, transferLimits }));
    const first = await store.get({ ...request, filter });
    expect([offsetsOf(first), first.nextBeginOffset]).toEqual([[0], 2]);
    const few = { ...transferLimits, maxBytesOnDisk: 1 << 20 };
    await using other = disposable(await stored(records, { recentBytes: 0, transferLimits: few }));
    const four = await other.get({ ...request, filter });
    expect([offsetsOf(four), four.nextBeginOffset]).toEqual([[0, 2, 4, 6], 8]);
  });

  it('leaves a record that makes no sense to the consumer, who says so', async () => {
    const records = [false, true, false, false, false].map((isWanted) => ({ isWanted }));
    await using store = disposable(await stored(records));
    // A view of what the store holds in memory.
    const damaged = (await store.get({ ...request, queueOffset: 3, maxCount: 1 })).buffers[0]!;
    const propertiesBytes = 'wanted no'.length;
    damaged.writeUInt16BE(9_999, damaged.length - propertiesBytes - 2);
    const { buffers, count, nextBeginOffset } = await store.get({ ...request, filter });
    expect([count, nextBeginOffset, buffers[1]]).toEqual([2, 5, damaged]);
    expect(recordProperties(damaged)).toBeUndefined();
  });

  it('answers at the ends of the queue as without a filter', async () => {
    await using store = disposable(await stored(unwanted(3)));
    for (const queueOffset of [3, 4, -1]) {
      expect(await store.get({ ...request, queueOffset, filter })).toEqual(
        await store.get({ ...request, queueOffset }),
      );
    }
    expect(await store.get({ ...request, topic: 'None', filter })).toMatchObject({
      status: 'NO_MATCHED_LOGIC_QUEUE',
    });
  });

  it('finds exactly what is wanted, from memory and from disk, whatever the limits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            isWanted: fc.boolean(),
            bodyBytes: fc.integer({ min: 3, max: 3_000 }),
            queueId: fc.constantFrom(0, 0, 1),
          }),
          { maxLength: 120 },
        ),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 20_000 }),
        fc.constantFrom(0, 8 * 1024, 1 << 20),
        async (records, maxCount, maxBytes, recentBytes) => {
          await using store = disposable(
            await stored(records, { recentBytes, transferLimits: { memoryBytes: recentBytes } }),
          );
          const ours = records.filter(({ queueId }) => queueId === 0);
          const expected = ours.flatMap(({ isWanted }, offset) => (isWanted ? offset : []));
          const found: number[] = [];
          let queueOffset = 0;
          while (queueOffset < ours.length) {
            const result = await store.get({
              ...request,
              queueOffset,
              maxCount,
              maxBytes,
              filter,
            });
            expect(result.count).toBeLessThanOrEqual(maxCount);
            expect(result.nextBeginOffset).toBeGreaterThan(queueOffset);
            found.push(...offsetsOf(result));
            queueOffset = result.nextBeginOffset;
          }
          expect(found).toEqual(expected);
        },
      ),
      plays(40),
    );
  });
});

function disposable(store: MessageStore): MessageStore & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
