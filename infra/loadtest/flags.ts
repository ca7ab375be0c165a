import { availableParallelism } from 'node:os';
import type { Flags, Scenario } from '@millrace/loadtest';
import type { ServiceEnv } from '../demo/pace.ts';
import { serviceNames } from '../demo/services.ts';
import type { LoadtestOptions } from '../loadtest-flags.mjs';

/** A scenario's own figures, and what was typed instead. */
export function flagsOf({ defaults }: Pick<Scenario, 'defaults'>, typed: LoadtestOptions): Flags {
  return {
    ratePerS: typed.ratePerS ?? defaults.ratePerS,
    durationS: typed.durationMs === undefined ? defaults.durationS : typed.durationMs / 1_000,
    stock: typed.stock ?? defaults.stock,
    seed: typed.seed ?? defaults.seed,
  };
}

/** Where cores allow there are several gates. More than four would leave what is behind them nothing. */
export function gatesOf(
  { name }: Pick<Scenario, 'name'>,
  { gates }: Pick<LoadtestOptions, 'gates'>,
): number | undefined {
  return name === 'flash-sale' ? (gates ?? Math.min(availableParallelism(), 4)) : gates;
}

/** Settings of the services: those of the scenario, production's otherwise. Logs of each request would fill the disk in a soak. */
export function envOf(
  scenario: Pick<Scenario, 'serviceEnv'>,
  flags: Flags,
  gates: number | undefined,
): ServiceEnv {
  const env: Record<string, Readonly<Record<string, string>>> = {
    ...scenario.serviceEnv?.(flags),
  };
  for (const service of serviceNames) env[service] = { LOG_LEVEL: 'warn', ...env[service] };
  if (gates !== undefined) {
    env['flashsale'] = { ...env['flashsale'], FLASHSALE_GATE_PROCESSES: String(gates) };
  }
  return env;
}
