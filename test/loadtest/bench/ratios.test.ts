import { describe, expect, test } from '@jest/globals';
import { headlineRatios, ratioOf } from '../../../loadtest/bench/ratios.ts';
import { caseFigures, loadFigures } from './made-up-figures.ts';

const twice = {
  millrace: loadFigures({ messages_per_s: 2_000, p99_ms: 1, broker_cpu_s_per_million: 4 }),
  rocketmq: loadFigures({ messages_per_s: 1_000, p99_ms: 3, broker_cpu_s_per_million: 20 }),
};
const half = {
  millrace: loadFigures({ messages_per_s: 500, p99_ms: 4, broker_cpu_s_per_million: 20 }),
  rocketmq: loadFigures({ messages_per_s: 1_000, p99_ms: 1, broker_cpu_s_per_million: 10 }),
};

describe('the ratio of a case', () => {
  test('is above 1 in whatever is better: rates ours to theirs, the others theirs to ours', () => {
    expect(ratioOf({ brokers: twice })).toEqual({ rate: 2, p99: 3, cpu: 5 });
    expect(ratioOf({ brokers: half })).toEqual({ rate: 0.5, p99: 0.25, cpu: 0.5 });
  });

  test('is not known of one broker alone, nor when nothing was measured of one', () => {
    expect(ratioOf({ brokers: { millrace: loadFigures() } })).toBeUndefined();
    const nothing = { millrace: loadFigures(), rocketmq: loadFigures({ messages_per_s: 0 }) };
    expect(ratioOf({ brokers: nothing })).toBeUndefined();
  });
});

describe('the ratios at the end', () => {
  test('are the lowest of the cases that count, of each kind', () => {
    expect(
      headlineRatios([
        caseFigures({ headline: 'send', brokers: twice }),
        caseFigures({ headline: 'send', brokers: half }),
        caseFigures({ headline: 'sendSync', brokers: twice }),
        caseFigures({ headline: 'batch', brokers: twice }),
        caseFigures({ headline: 'consume', brokers: half }),
        caseFigures({ headline: 'p99', brokers: twice }),
      ]),
    ).toEqual({ send: 0.5, sendSync: 2, batch: 2, consume: 0.5, p99: 3, cpu: 0.5 });
  });

  test('leave out what was not measured, and cases that count towards nothing', () => {
    expect(headlineRatios([caseFigures({ brokers: half })])).toEqual({});
    // Its CPU time is that of messages in batches.
    expect(headlineRatios([caseFigures({ headline: 'batch', brokers: half })])).toEqual({
      batch: 0.5,
    });
  });
});
