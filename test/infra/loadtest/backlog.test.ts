import { describe, expect, it } from '@jest/globals';
import { backlogText, sizeOf, valuesOf } from '../../../infra/loadtest/backlog.ts';

describe('valuesOf', () => {
  const text = [
    '# HELP lag Messages that wait',
    '# TYPE lag gauge',
    'lag{group="a",topic="T",service="order"} 3',
    'lag{group="b \\"x\\"",topic="T"} 1.5e+3',
    'lag_more{group="c"} 9',
    'unsent 4',
  ].join('\n');

  it('reads the values of one metric and of no other', () => {
    expect(valuesOf(text, 'lag')).toEqual([
      { labels: { group: 'a', topic: 'T', service: 'order' }, value: 3 },
      { labels: { group: String.raw`b \"x\"`, topic: 'T' }, value: 1_500 },
    ]);
    expect(valuesOf(text, 'unsent')).toEqual([{ labels: {}, value: 4 }]);
    expect(valuesOf(text, 'nothing')).toEqual([]);
  });
});

describe('a backlog', () => {
  it('is named by its longest parts', () => {
    const backlog = {
      lags: new Map([
        ['points-on-order-paid', 7],
        ['push-deliver', 1_204],
        ['idle', 0],
        ['warehouse-ship', 30],
      ]),
      unsent: new Map([['push', 2]]),
    };
    expect(backlogText(backlog)).toBe(
      'push-deliver 1,204, warehouse-ship 30, points-on-order-paid 7 and 1 more',
    );
    expect(sizeOf(backlog)).toBe(1_243);
  });

  it('may be none', () => {
    const none = { lags: new Map([['a', 0]]), unsent: new Map<string, number>() };
    expect(backlogText(none)).toBe('nothing waits');
    expect(sizeOf(none)).toBe(0);
  });
});
