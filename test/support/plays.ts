/**
 * What fast-check plays of a property: at every run the same, so that a test that fails once fails again. `MILLRACE_SEED=17`
 * plays others, `MILLRACE_RUNS=2000` so many.
 */
export function plays(numRuns = 100): { numRuns: number; seed: number } {
  const { MILLRACE_RUNS, MILLRACE_SEED } = process.env;
  return { numRuns: Number(MILLRACE_RUNS ?? numRuns), seed: Number(MILLRACE_SEED ?? 5) };
}
