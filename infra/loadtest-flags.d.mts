/** What `npm run loadtest --` was told. */
export interface LoadtestOptions {
  scenario: LoadtestName;
  /** Nothing but the JSON object on stdout. */
  json: boolean;
  /** What is missing is the scenario's own. */
  ratePerS?: number;
  durationMs?: number;
  stock?: number;
  gates?: number;
  seed?: number;
}

export type LoadtestName =
  'browse-and-buy' | 'flash-sale' | 'refund-storm' | 'pay-storm' | 'soak' | 'compare' | 'limits';

export const scenarioHelp: Readonly<Record<LoadtestName, string>>;
export const loadtestUsage: string;

export function parseLoadtestFlags(
  args: readonly string[],
): { help: string } | { loadtest: LoadtestOptions };
