import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration } from '../../../mq/testkit/duration.ts';

describe('a duration', () => {
  it.each([
    ['30m', 1_800_000],
    ['1h 30m', 5_400_000],
    ['1h30m', 5_400_000],
    [' 500ms ', 500],
    ['2d', 172_800_000],
    ['0s', 0],
    [0, 0],
    [1_500, 1_500],
  ])('%j is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '30', '30 minutes', '1.5h', '-5m', 'm', '5m x', -1, 0.5, Number.NaN, Infinity])(
    '%j is none, and the error says what is',
    (text) => {
      expect(() => parseDuration(text)).toThrow(
        expect.objectContaining({
          code: 'INVALID_ARGUMENT',
          message: expect.stringContaining(
            `${typeof text === 'string' ? JSON.stringify(text) : text} is no duration: give`,
          ),
        }),
      );
    },
  );

  it('is told in words that can be given', () => {
    for (const ms of [0, 1, 999, 61_000, 5_400_000, 90_061_001]) {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }
    expect(formatDuration(5_400_000)).toBe('1h 30m');
  });
});
