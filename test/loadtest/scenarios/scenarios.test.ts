import { describe, expect, test } from '@jest/globals';
import { scenarioHelp } from '../../../infra/loadtest-flags.mjs';
import { judge } from '../../../loadtest/figures.ts';
import { ArrivalSchedule } from '../../../loadtest/generator/arrivals.ts';
import { scenarios } from '../../../loadtest/scenarios/index.ts';

describe('the scenarios', () => {
  test('are those that the command line knows, in the same words', () => {
    const commands = new Set(['compare', 'limits']);
    const help = Object.entries(scenarioHelp).filter(([name]) => !commands.has(name));
    const known = Object.values(scenarios).map(({ name, about }) => [name, about]);
    expect(Object.fromEntries(known)).toEqual(Object.fromEntries(help));
  });

  test.each(Object.entries(scenarios))(
    '%s lets visitors come and wants something',
    (name, scenario) => {
      const flags = scenario.defaults;
      expect(scenario.name).toBe(name);
      const schedule = new ArrivalSchedule(scenario.arrivals(flags));
      expect(schedule.durationS).toBeCloseTo(flags.durationS, 6);
      expect(schedule.count).toBeGreaterThan(0);
      expect(schedule.count).toBeLessThanOrEqual(flags.ratePerS * flags.durationS);
      const thresholds = scenario.thresholds(flags);
      expect(Object.keys(thresholds)).toEqual(
        expect.arrayContaining(['errors', 'lost', 'duplicated']),
      );
      // Each is a comparison; nothing was measured, so none is met.
      expect(judge({}, thresholds).every(({ isMet }) => !isMet)).toBe(true);
    },
  );
});
