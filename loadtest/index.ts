/** What commands use of the load tests. */
export {
  constantArrivalRate,
  rampingArrivalRate,
  ArrivalSchedule,
  type ArrivalStage,
} from './generator/arrivals.ts';
export type {
  EndpointFigures,
  GeneratorFigures,
  LatencyFigures,
  LoadResult,
  LoadSecond,
} from './generator/load-result.ts';
export { Latencies } from './generator/latencies.ts';
export { runLoad, type LoadOptions } from './generator/run-load.ts';
export {
  defineScenario,
  type Answer,
  type Backlog,
  type Endpoint,
  type Flags,
  type Flow,
  type FlowContext,
  type PersistedRows,
  type Proof,
  type Request,
  type Scenario,
  type Stage,
  type Threshold,
  type Visitor,
} from './scenario.ts';
export { addressOf, type BrokerKind } from './bench/broker-under-test.ts';
export type { JavaClients } from './bench/java-clients.ts';
export { runBench } from './bench/run-bench.ts';
export { measureLimits } from './limits/limits.ts';
export { figuresOf, judge, lineOf, verdictText, type Figures, type Verdict } from './figures.ts';
export {
  memoryGrowth,
  warmUpOf,
  type MemoryGrowth,
  type MemorySample,
} from './soak/memory-growth.ts';
export { scenarios, scenariosModule } from './scenarios/index.ts';
export { countBacklog, countRows } from './sampling/counts.ts';
export { growthPerSecond, plateauPerS, valuePerSecond, type Point } from './sampling/points.ts';
export { Sampler, type ProcessSamples, type Samples } from './sampling/sampler.ts';
export {
  backlogChart,
  comparedChart,
  cpuChart,
  distributionChart,
  flowChart,
  latencyChart,
  memoryChart,
} from './report/charts.ts';
export type { Cell, Chart, Line, Page, Section, Table } from './report/page.ts';
export { factsOf, readProvenance, type Provenance } from './report/provenance.ts';
export { renderPage } from './report/render-page.ts';
export { pageOfRun, sectionsOfRun, type RunRecord } from './report/run-page.ts';
export { writeReport } from './report/write-report.ts';
export { compareModule, withoutQueue, withQueue } from './compare/checkouts.ts';
export {
  figuresOfPair,
  sectionOfPair,
  timesBetter,
  type CheckoutFigures,
  type Pair,
} from './compare/comparison.ts';
