/**
 * A process that loads a broker: gets one job after another from its parent and tells it what came of each. It stays for
 * all of them, so that its code is compiled once. It ends when its parent is gone, by whatever end.
 */
import { runFlow } from './flow-load.ts';
import type { FromGenerator, Job, JobResult, ToGenerator } from './messages.ts';
import { runPullLoad } from './pull-load.ts';
import { runSendLoad } from './send-load.ts';

function run(job: Job): Promise<JobResult> {
  if (job.kind === 'pull') return runPullLoad(job);
  return job.kind === 'flow' ? runFlow(job) : runSendLoad(job);
}

async function obey(job: ToGenerator): Promise<FromGenerator> {
  try {
    return { type: 'done', result: await run(job) };
  } catch (error) {
    return { type: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

process.on('disconnect', () => process.exit());
process.on('message', (job) => {
  void obey(job as ToGenerator).then((answer) => process.send?.(answer));
});
