import {
  countBacklog,
  countRows,
  runLoad,
  Sampler,
  type Flags,
  type LoadOptions,
  type LoadResult,
  type Samples,
  type Scenario,
} from '@millrace/loadtest';
import type { Processes } from '../processes.ts';
import { readBacklog } from './backlog.ts';
import { ProgressLine } from './progress-line.ts';
import { untilDrained } from './rest.ts';
import type { RunningShop } from './running-shop.ts';

/** A name in `Samples.counts` that no group has. */
export const PERSISTED = 'persisted';

export interface LoadRun {
  ground: unknown;
  result: LoadResult;
  samples: Samples;
  /** Nothing waits anywhere any more. */
  isDrained: boolean;
}

/** What a scenario is run with, beside what it says itself. */
export interface LoadRunOptions extends Pick<
  LoadOptions,
  'module' | 'processes' | 'maxConnections' | 'pipelining' | 'timeoutMs'
> {
  scenario: Scenario;
  flags: Flags;
  /** Beside those of the services. */
  urls?: Readonly<Record<string, string>>;
}

/**
 * Sets a scenario's stage, sends its load, and waits until the shop has done all of it, while samplers look at every process, at
 * the backlogs and at the rows that are written.
 */
export async function runOnShop(shop: RunningShop, options: LoadRunOptions): Promise<LoadRun> {
  const { scenario, flags, urls: more = {}, ...how } = options;
  const { session } = shop.ground;
  const { services } = shop;
  const urls = { ...shop.urls, ...more };
  const stage = shop.stage(urls);
  const ground = await session.step('stage', async (say) => {
    say(`${scenario.name}: ${scenario.about}`);
    await session.processes.putBehindOthers(scenario.mayWait ?? []);
    return scenario.setUp(stage, flags);
  });
  const sampler = new Sampler({
    processes: pidsOf(session.processes),
    counts: {
      [PERSISTED]: countRows(stage.query, scenario.persisted(ground)),
      ...Object.fromEntries(
        scenario.backlogs.map((backlog) => [backlog.group, countBacklog(shop.admin, backlog)]),
      ),
    },
  });
  const progress = new ProgressLine(flags.durationS);
  const result = await runLoad({
    ...how,
    scenario,
    flags,
    urls,
    customerTokenSecret: services.customerTokenSecret,
    ground,
    onProcesses: (pids) => {
      for (const [index, pid] of pids.entries()) sampler.add(`generator ${index + 1}`, pid);
    },
    onSecond: (second) => progress.show(second),
  });
  progress.end();
  if (result.problem !== undefined)
    throw new Error(`the scenario itself failed: ${result.problem}`);
  const isDrained = await session.step('drain', (say) =>
    untilDrained(() => readBacklog(shop.urls), say),
  );
  return { ground, result, samples: await sampler.stop(result.startedAtMs), isDrained };
}

function pidsOf(processes: Processes): Readonly<Record<string, number>> {
  return Object.fromEntries(processes.pids());
}
