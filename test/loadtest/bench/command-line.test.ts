import { describe, expect, test } from '@jest/globals';
import { readCommandLine, UsageError } from '../../../loadtest/bench/command-line.ts';

const known = [
  { name: 'send', needsVersus: false },
  { name: 'start', needsVersus: false },
  { name: 'java', needsVersus: true },
];

describe('the command line of the benchmark', () => {
  test('measures everything in both flush modes when nothing is typed', () => {
    expect(readCommandLine([], known)).toEqual({
      measures: ['send', 'start'],
      isVersus: false,
      secondsEach: 2,
      runs: 7,
      flush: ['sync', 'async'],
      match: '',
      storeGb: 10,
      json: false,
    });
  });

  test('takes every flag', () => {
    const flags =
      '--only start,java --seconds 5 --runs 3 --flush async --match 1KiB --store-gb 2 --vs rocketmq --json';
    expect(readCommandLine(flags.split(' '), known)).toEqual({
      measures: ['start', 'java'],
      isVersus: true,
      secondsEach: 5,
      runs: 3,
      flush: ['async'],
      match: '1KiB',
      storeGb: 2,
      json: true,
    });
  });

  test('measures what needs the other broker only beside it', () => {
    expect(readCommandLine(['--vs', 'rocketmq'], known)?.measures).toEqual([
      'send',
      'start',
      'java',
    ]);
    expect(() => readCommandLine(['--only', 'java'], known)).toThrow(
      '--only knows no java; there are send, start, and with --vs rocketmq java',
    );
  });

  test('knows when help is asked for', () => {
    expect(readCommandLine(['--help'], known)).toBeUndefined();
    expect(readCommandLine(['-h'], known)).toBeUndefined();
  });

  test.each([
    [['--only', 'send,sned'], '--only knows no sned; there are send, start'],
    [['--seconds', '0'], '--seconds is 0, it must be a whole number from 1 to 3600'],
    [['--seconds', '1.5'], '--seconds is 1.5, it must be a whole number from 1 to 3600'],
    [['--runs', 'x'], '--runs is x, it must be a whole number from 1 to 1000'],
    [['--store-gb', ''], '--store-gb is , it must be a whole number from 1 to 1000'],
    [['--flush', 'never'], '--flush is never, it must be one of sync, async, both'],
    [['--vs', 'kafka'], '--vs is kafka, it must be rocketmq'],
    [['--flsh', 'sync'], "Unknown option '--flsh'"],
    [['send'], "Unexpected argument 'send'"],
  ])('refuses %j and says what would do', (args, message) => {
    expect(() => readCommandLine(args, known)).toThrow(UsageError);
    expect(() => readCommandLine(args, known)).toThrow(message);
  });
});
