import { describe, expect, it } from '@jest/globals';
import { readBatchOrderlyResult, readBatchResult } from '../../../mq/client/batch-listener.ts';

/** `+` consumed, `-` retried as usual, a number: retried after that level; `!` where the listener is told of nonsense. */
function shown(result: unknown, count = 4): string {
  const verdicts = readBatchResult(result, count);
  return verdicts
    .map((verdict) => {
      if (verdict.isConsumed) return '+';
      if (verdict.fault !== undefined) return '!';
      return verdict.delayTimeLevel === 0 ? '-' : String(verdict.delayTimeLevel);
    })
    .join('');
}

describe('what a listener returns for a batch', () => {
  it.each([
    [undefined, '++++'],
    ['CONSUME_SUCCESS', '++++'],
    [{ rowCount: 4 }, '++++'],
    ['RECONSUME_LATER', '----'],
    [{ status: 'RECONSUME_LATER', delayTimeLevel: 5 }, '5555'],
    [{ ackIndex: 1 }, '++--'],
    [{ ackIndex: -1 }, '----'],
    [{ ackIndex: 3 }, '++++'],
    [{ ackIndex: 2_000_000_000 }, '++++'],
    [{ status: 'CONSUME_SUCCESS', ackIndex: 0 }, '+---'],
    [{ ackIndex: 2, delayTimeLevel: 7 }, '+++7'],
    [
      [
        'CONSUME_SUCCESS',
        'RECONSUME_LATER',
        undefined,
        { status: 'RECONSUME_LATER', delayTimeLevel: -1 },
      ],
      '+-+-1',
    ],
    [[1, 2, 3, 4], '++++'],
    [[{ id: 'row' }], '++++'],
    [[], '++++'],
  ])('%j means %s', (result, expected) => {
    expect(shown(result)).toBe(expected);
  });

  it.each([
    ['RECONSUME_LATR', '!!!!'],
    [{ ackIndex: 1.5 }, '!!!!'],
    [{ ackIndex: -2 }, '!!!!'],
    [{ ackIndex: '1' }, '!!!!'],
    [{ ackIndex: undefined }, '!!!!'],
    [{ status: 'RECONSUME_LATER', ackIndex: 1 }, '!!!!'],
    [{ ackIndex: 1, delayTimeLevel: 1.5 }, '++!!'],
    [['RECONSUME_LATER'], '!!!!'],
    [['CONSUME_SUCCESS', 'RECONSUME_LATR', undefined, undefined], '+!++'],
  ])('%j is nonsense, and what it may have meant is retried: %s', (result, expected) => {
    expect(shown(result)).toBe(expected);
  });

  it('may come from Promise.allSettled', async () => {
    const failure = new Error('no database');
    const settled = await Promise.allSettled([
      Promise.resolve(),
      Promise.reject(failure),
      Promise.resolve('RECONSUME_LATER'),
      Promise.resolve({ id: 7 }),
    ]);
    expect(shown(settled)).toBe('+--+');
    expect(readBatchResult(settled, 4)[1]).toMatchObject({ failure: { error: failure } });
  });

  it('in order counts from the front', () => {
    const done = (result: unknown): number => readBatchOrderlyResult(result, 4);
    expect(
      [undefined, 'SUCCESS', { rows: 1 }, { ackIndex: 3 }, { ackIndex: 99 }].map(done),
    ).toEqual([4, 4, 4, 4, 4]);
    expect(['SUSPEND_CURRENT_QUEUE_A_MOMENT', { ackIndex: -1 }].map(done)).toEqual([0, 0]);
    expect(done({ ackIndex: 1 })).toBe(2);
    for (const nonsense of [
      'RECONSUME_LATER',
      { ackIndex: 0.5 },
      { status: 'SUCCESS', ackIndex: 1 },
    ]) {
      expect(() => done(nonsense)).toThrow('the listener returned');
    }
  });
});
