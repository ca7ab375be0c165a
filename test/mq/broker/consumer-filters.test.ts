import { beforeEach, describe, expect, it } from '@jest/globals';
import { ConsumerFilters } from '../../../mq/broker/consumer-filters.ts';
import { FilterCache } from '../../../mq/broker/filter-cache.ts';
import type { MessageSelector } from '../../../mq/protocol/subscription.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeConfigFile } from '../../support/fake-config-file.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { subscription } from './consumer-under-test.ts';

let clock: FakeClock;
let file: FakeConfigFile;
let logger: RecordingLogger;

beforeEach(() => {
  clock = new FakeClock();
  file = new FakeConfigFile();
  logger = new RecordingLogger();
});

async function open(): Promise<ConsumerFilters> {
  const filters = await ConsumerFilters.open({ file, cache: new FilterCache(), clock, logger });
  filters.start();
  return filters;
}

function wants(topic: string, selector: MessageSelector, subVersion: number) {
  return new Map([[topic, subscription(topic, selector, subVersion)]]);
}

const expressionOf = (filters: ConsumerFilters): string | undefined =>
  filters.get('cg', 'T')?.filter?.expression;

describe('the filters of consumer groups', () => {
  it('follow the subscription, to an older one as well', async () => {
    const filters = await open();
    filters.follow('cg', wants('T', { sql: 'a = 1' }, 5));
    expect(expressionOf(filters)).toBe('a = 1');
    filters.follow('cg', wants('T', { sql: 'a = 2' }, 4));
    expect(filters.get('cg', 'T')).toMatchObject({ expression: 'a = 2', clientVersion: 4 });
  });

  it('are forgotten with the subscription, the group, and a change to tags', async () => {
    const filters = await open();
    for (const next of [undefined, new Map<string, never>(), wants('T', 'a', 2)]) {
      filters.follow('cg', wants('T', { sql: 'a = 1' }, 1));
      filters.follow('other', wants('T', { sql: 'a = 1' }, 1));
      filters.follow('cg', next);
      expect(filters.get('cg', 'T')).toBeUndefined();
      expect(filters.get('other', 'T')).toBeDefined();
    }
  });

  it('know what does not parse, and say it once', async () => {
    const filters = await open();
    for (let beat = 0; beat < 3; beat++) filters.follow('cg', wants('T', { sql: 'a >' }, 1));
    expect(filters.get('cg', 'T')).toMatchObject({ filter: undefined, clientVersion: 1 });
    expect(filters.get('cg', 'T')?.problem).toContain('at position 4');
    expect(logger.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('are on disk after an interval, in the form of the original', async () => {
    const filters = await open();
    filters.follow('cg', wants('T', { sql: 'a = 1' }, 7));
    filters.follow('cg2', wants('T', { sql: 'a >' }, 7));
    await clock.advanceAndSettle(10_000);
    expect(file.content).toEqual({
      filterDataByTopic: {
        T: {
          topic: 'T',
          groupFilterData: {
            cg: {
              bornTime: expect.any(Number),
              clientVersion: 7,
              consumerGroup: 'cg',
              deadTime: 0,
              expression: 'a = 1',
              expressionType: 'SQL92',
              topic: 'T',
            },
          },
        },
      },
    });
    await clock.advanceAndSettle(10_000);
    expect(file.writeCount).toBe(1);
    await filters.close();
  });

  it('are written again when the disk was full', async () => {
    const filters = await open();
    filters.follow('cg', wants('T', { sql: 'a = 1' }, 7));
    file.failure = new Error('ENOSPC');
    await clock.advanceAndSettle(10_000);
    expect(file.content).toBeUndefined();
    expect(logger.entries.map(({ level }) => level)).toEqual(['error']);
    file.failure = undefined;
    await clock.advanceAndSettle(10_000);
    expect(file.content).toMatchObject({
      filterDataByTopic: { T: { groupFilterData: { cg: { expression: 'a = 1' } } } },
    });
    // And nothing is written, nor any timer left, behind the end.
    await filters.close();
    expect([file.writeCount, clock.pendingTimers]).toEqual([2, 0]);
  });

  it('are kept under any name a peer may choose', async () => {
    const filters = await open();
    filters.follow('__proto__', wants('__proto__', { sql: 'a = 1' }, 7));
    await filters.close();
    const again = await open();
    expect(again.get('__proto__', '__proto__')?.expression).toBe('a = 1');
  });

  it('are kept when the connections go with the broker', async () => {
    const filters = await open();
    filters.follow('cg', wants('T', { sql: 'a = 1' }, 7));
    await filters.close();
    filters.follow('cg', undefined);
    await filters.persist();
    expect((await open()).get('cg', 'T')?.expression).toBe('a = 1');
  });
});

describe('filters of an earlier run', () => {
  beforeEach(async () => {
    const filters = await open();
    filters.follow('cg', wants('T', { sql: 'a = 5' }, 5));
    await filters.close();
  });

  it('are not replaced by an older member that comes back first', async () => {
    const filters = await open();
    filters.follow('cg', wants('T', { sql: 'a = 4' }, 4));
    expect(expressionOf(filters)).toBe('a = 5');
    filters.follow('cg', undefined);
    filters.follow('cg', wants('T', { sql: 'a = 4' }, 4));
    expect(expressionOf(filters)).toBe('a = 5');
    filters.follow('cg', wants('T', { sql: 'a = 6' }, 6));
    expect(expressionOf(filters)).toBe('a = 6');
  });

  it('give way when nobody has claimed them for two minutes', async () => {
    const filters = await open();
    await clock.advanceAndSettle(119_999);
    filters.follow('cg', wants('T', { sql: 'a = 4' }, 4));
    expect(expressionOf(filters)).toBe('a = 5');
    await clock.advanceAndSettle(1);
    filters.follow('cg', wants('T', { sql: 'a = 4' }, 4));
    expect(expressionOf(filters)).toBe('a = 4');
  });

  it('are ordinary ones once the member they came from is back', async () => {
    const filters = await open();
    filters.follow('cg', wants('T', { sql: 'a = 5' }, 5));
    filters.follow('cg', wants('T', { sql: 'a = 4' }, 4));
    expect(expressionOf(filters)).toBe('a = 4');
  });

  it('are forgotten when the group does not come back', async () => {
    const filters = await open();
    await clock.advanceAndSettle(230_000);
    expect(filters.get('cg', 'T')).toBeDefined();
    await clock.advanceAndSettle(20_000);
    expect(filters.get('cg', 'T')).toBeUndefined();
    expect(file.content).toEqual({ filterDataByTopic: {} });
  });

  it('may be the original’s, those of groups that were gone and those that do not parse left out', async () => {
    const data = (consumerGroup: string, expression: string, deadTime: number) => ({
      [consumerGroup]: {
        bloomFilterData: { bitNum: 128, bitPos: [1, 2, 3] },
        bornTime: 100,
        clientVersion: 1_790_000_000_000_000_000n,
        consumerGroup,
        deadTime,
        expression,
        expressionType: 'SQL92',
        topic: 'T',
      },
    });
    file.read = () =>
      Promise.resolve({
        filterDataByTopic: {
          T: {
            topic: 'T',
            groupFilterData: {
              ...data('cg', 'a = 7', 0),
              ...data('gone', 'a = 7', 200),
              ...data('odd', 'a = 7 b', 0),
            },
          },
        },
      });
    const filters = await open();
    expect(filters.get('cg', 'T')).toMatchObject({ expression: 'a = 7', bornTime: 100 });
    expect(filters.get('gone', 'T')).toBeUndefined();
    expect(filters.get('odd', 'T')).toBeUndefined();
  });

  it.each([
    { filterDataByTopic: 5 },
    { filterDataByTopic: { T: { groupFilterData: { cg: { topic: 'T' } } } } },
    { filterDataByTopic: { T: { groupFilterData: { cg: null } } } },
    [],
  ])('that cannot be read are no reason not to start: %j', async (content) => {
    file = new FakeConfigFile(content);
    const filters = await open();
    expect(filters.get('cg', 'T')).toBeUndefined();
  });
});

describe('the filters kept by expression', () => {
  it('are parsed once, and the least used goes when there are too many', () => {
    const cache = new FilterCache();
    const first = cache.get('SQL92', 'a = 0');
    for (let each = 1; each < 100; each++) cache.get('SQL92', `a = ${each}`);
    expect(cache.get('SQL92', 'a = 0')).toBe(first);
    const second = cache.get('SQL92', 'a = 1');
    cache.get('SQL92', 'a = 100');
    expect(cache.size).toBe(100);
    expect(cache.get('SQL92', 'a = 0')).toBe(first);
    expect(cache.get('SQL92', 'a = 1')).toBe(second);
    expect(cache.get('SQL92', 'a = 2')).not.toBe(cache.get('SQL92', 'a = 3'));
  });

  it('are few when they are long', () => {
    const cache = new FilterCache();
    for (let each = 0; each < 50; each++) {
      cache.get('SQL92', `a = '${String(each).padEnd(60_000, 'x')}'`);
    }
    expect(cache.size).toBe(8);
  });
});
