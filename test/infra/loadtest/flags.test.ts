import { scenarios } from '@millrace/loadtest';
import { describe, expect, it } from '@jest/globals';
import { envOf, flagsOf } from '../../../infra/loadtest/flags.ts';
import { scenarioHelp } from '../../../infra/loadtest-flags.mjs';

const defaults = { ratePerS: 100, durationS: 30, stock: 7, seed: 1 };

describe('the flags of a scenario', () => {
  it('are its own, unless something else was typed', () => {
    expect(flagsOf({ defaults }, { scenario: 'soak', json: false })).toEqual(defaults);
    const typed = {
      scenario: 'soak',
      json: false,
      ratePerS: 5,
      durationMs: 90_000,
      seed: 0,
    } as const;
    expect(flagsOf({ defaults }, typed)).toEqual({
      ...defaults,
      ratePerS: 5,
      durationS: 90,
      seed: 0,
    });
  });

  it('give services their settings, and the gate its processes', () => {
    const serviceEnv = () => ({ flashsale: { A: '1' }, order: { LOG_LEVEL: 'debug' } });
    const env = envOf({ serviceEnv }, defaults, 2);
    expect(env.flashsale).toEqual({ A: '1', LOG_LEVEL: 'warn', FLASHSALE_GATE_PROCESSES: '2' });
    expect(env.order).toEqual({ LOG_LEVEL: 'debug' });
    expect(envOf({}, defaults, undefined).flashsale).toEqual({ LOG_LEVEL: 'warn' });
  });
});

describe('the scenarios', () => {
  it('are those of --help, in the same words, beside compare and limits', () => {
    const { compare: _compare, limits: _limits, ...loads } = scenarioHelp;
    const told = Object.values(scenarios).map(({ name, about }) => [name, about]);
    expect(Object.fromEntries(told)).toEqual(loads);
  });
});
