import { describe, expect, it } from '@jest/globals';
import { parseCommandLine } from '../../infra/command-line.mjs';
import { scenarioHelp } from '../../infra/loadtest-flags.mjs';

const line = (...args: string[]): unknown => parseCommandLine(['loadtest', ...args]);

describe('the command line of npm run loadtest', () => {
  it('reads a scenario and its numbers, durations in milliseconds', () => {
    expect(
      line('flash-sale', '--rate', '10000', '--duration=30s', '--stock', '1000', '--gates', '2'),
    ).toMatchObject({
      command: 'loadtest',
      options: {
        loadtest: {
          scenario: 'flash-sale',
          json: false,
          ratePerS: 10_000,
          durationMs: 30_000,
          stock: 1_000,
          gates: 2,
        },
      },
    });
    expect(line('soak', '--duration', '30m', '--seed', '0', '--json')).toMatchObject({
      options: { loadtest: { durationMs: 1_800_000, seed: 0, json: true } },
    });
    expect(line('--duration', '1h', 'pay-storm')).toMatchObject({
      options: { loadtest: { scenario: 'pay-storm', durationMs: 3_600_000 } },
    });
  });

  it('leaves out what was not typed, so that the scenario has its own', () => {
    expect(line('limits')).toEqual({
      command: 'loadtest',
      options: {
        args: ['limits'],
        once: false,
        killBroker: false,
        loadtest: { scenario: 'limits', json: false },
      },
    });
  });

  it('has a line for each scenario in its help', () => {
    const { help } = line('--help') as { help: string };
    for (const [name, words] of Object.entries(scenarioHelp)) {
      expect(help).toContain(name);
      expect(help).toContain(words);
    }
    expect(line('flash-sale', '--help')).toEqual({ help });
  });

  it.each([
    [
      ['flash-sail'],
      /There is no scenario flash-sail; there are browse-and-buy, flash-sale, .*limits/,
    ],
    [[], /No scenario is named; there are browse-and-buy/],
    [['toString'], /There is no scenario toString/],
    [['soak', 'compare'], /One scenario at a time: soak is named, and then compare/],
    [['flash-sale', '--rate', '0'], /--rate is 0, it must be a whole number from 1 to 100000/],
    [['flash-sale', '--rate', '1e4'], /--rate is 1e4, it must be a whole number/],
    [['flash-sale', '--stock', '10000001'], /--stock is 10000001, .* from 1 to 10000000/],
    [['flash-sale', '--gates', '65'], /--gates is 65, .* from 1 to 64/],
    [['flash-sale', '--seed', '-1'], /--seed/],
    [['soak', '--duration', '30'], /--duration is 30, .* as 30s or 30m, from 1s to 86400s/],
    [['soak', '--duration', '0s'], /--duration is 0s/],
    [['soak', '--duration', '25h'], /--duration is 25h/],
    [['soak', '--duration', '1.5m'], /--duration is 1.5m/],
    [
      ['soak', '--stock', '5'],
      /--stock means nothing to soak, which knows --rate, --duration, --seed/,
    ],
    [['limits', '--rate', '5'], /--rate means nothing to limits, which knows --duration/],
    [['soak', '--vus', '5'], /--vus/],
  ])('refuses %j and says what there is', (args, mistake) => {
    expect(line(...args)).toEqual({ mistake: expect.stringMatching(mistake) });
  });
});
