import { setTimeout as delay } from 'node:timers/promises';
import type { FillJob, JobResult, SendJob } from './messages.ts';
import { Meter } from './meter.ts';
import { SendConnection, type Replies } from './send-connection.ts';

/** Sends in a closed loop on every connection: for as long as the window lasts, or until so many messages are stored. */
export async function runSendLoad(job: SendJob | FillJob): Promise<JobResult> {
  const { shape, inFlight } = job;
  const meter = new Meter(job.brokerPid);
  let framesLeft =
    job.kind === 'fill' ? Math.ceil(job.messages / shape.batchCount) : Number.POSITIVE_INFINITY;
  let onIdle: () => void = () => undefined;
  const idle = new Promise<void>((resolve) => (onIdle = resolve));
  let nowMs: number | undefined;
  const replies: Replies = {
    onReply(code, dueMs) {
      // One look at the clock serves the replies of one read: they came together.
      nowMs ??= performance.now();
      if (code !== 0) {
        meter.refused(code);
        // A store is to be filled with so many messages, however often one has to be sent.
        if (job.kind === 'fill') framesLeft += 1;
      } else if (meter.isWithin(nowMs)) {
        meter.answered(shape.batchCount, nowMs - dueMs);
      }
    },
    onReadEnd(connection) {
      nowMs = undefined;
      sendOn(connection);
      if (framesLeft === 0 && connections.every((each) => each.inFlight === 0)) onIdle();
    },
  };
  const connections = Array.from(
    { length: job.connections },
    (_, index) =>
      new SendConnection(
        shape,
        // Twice as many as are on their way: replies that overtake one another do not hold up the next send.
        { count: 2 * inFlight, first: index, step: job.connections },
        replies,
      ),
  );
  const sendOn = (connection: SendConnection): void => {
    const count = Math.min(inFlight - connection.inFlight, framesLeft);
    framesLeft -= connection.send(count, performance.now());
  };
  try {
    const opened = await Promise.all(connections.map((connection) => connection.open(job.broker)));
    const failed = Promise.race(opened.map((each) => each.failed));
    if (job.kind === 'fill') {
      meter.start();
      for (const connection of connections) sendOn(connection);
      await Promise.race([idle, failed]);
      meter.stop();
    } else {
      for (const connection of connections) sendOn(connection);
      await Promise.race([delay(job.warmUpMs), failed]);
      meter.start(job.measureMs);
      await Promise.race([delay(job.measureMs), failed]);
      meter.stop();
      framesLeft = 0;
      if (connections.some((each) => each.inFlight > 0)) await Promise.race([idle, failed]);
    }
    return meter.result();
  } finally {
    for (const connection of connections) connection.close();
  }
}
