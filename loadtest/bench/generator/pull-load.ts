import { setTimeout as delay } from 'node:timers/promises';
import type { JobResult, PullJob } from './messages.ts';
import { Meter } from './meter.ts';
import { PullConnection } from './pull-connection.ts';

/** Pulls from all queues at once, each pull after the one before, until the window is over or all is read. */
export async function runPullLoad(job: PullJob): Promise<JobResult> {
  const meter = new Meter(job.brokerPid);
  const connection = await PullConnection.open(job.broker, job.topic);
  const { failed } = connection;
  try {
    let isOver = false;
    const pullThrough = async (queueId: number): Promise<void> => {
      const { min, max } = await connection.range(queueId);
      const from = job.read === 'all' ? min : Math.max(min, max - job.read.newest);
      await new Promise<void>((resolve) => {
        const pullAt = (offset: number): void => {
          if (isOver) return resolve();
          if (offset >= max && job.read === 'all') return resolve();
          const askedMs = performance.now();
          const at = offset >= max ? from : offset;
          connection.pull({ queueId, offset: at, isHeld: false }, (pulled, code) => {
            const nowMs = performance.now();
            if (pulled === undefined) meter.refused(code);
            else if (meter.isWithin(nowMs)) meter.answered(pulled.count, nowMs - askedMs);
            pullAt(pulled?.nextOffset ?? at);
          });
        };
        pullAt(from);
      });
    };
    const all = Promise.all(Array.from({ length: job.queueCount }, (_, id) => pullThrough(id)));
    await Promise.race([delay(job.warmUpMs), failed]);
    meter.start(job.measureMs);
    await Promise.race([delay(job.measureMs), all, failed]);
    meter.stop();
    isOver = true;
    await Promise.race([all, failed]);
    return meter.result();
  } finally {
    connection.close();
  }
}
