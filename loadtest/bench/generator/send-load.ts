import type { JobResult, SendJob } from './messages.ts';
import { Meter } from './meter.ts';
import { SendConnection, type Replies } from './send-connection.ts';

/** Sends in a closed loop on every connection, for as long as the window lasts. */
export async function runSendLoad(job: SendJob): Promise<JobResult> {
  const meter = new Meter(job);
  let answeredCount = 0;
  let isOver = false;
  let onIdle: () => void = () => undefined;
  let nowMs = 0;
  const replies: Replies = {
    onReply(code, dueMs) {
      // One look at the clock serves the replies of one read: they came together.
      if (answeredCount === 0) nowMs = performance.now();
      answeredCount += 1;
      if (code === 0) meter.answered(job.shape.batchCount, nowMs - dueMs);
      else meter.refused(code);
    },
    onReadEnd(connection) {
      const count = job.inFlight - connection.inFlight;
      answeredCount = 0;
      if (!isOver) connection.send(count, performance.now());
      else if (connections.every(({ inFlight }) => inFlight === 0)) onIdle();
    },
  };
  const connections = Array.from(
    { length: job.connections },
    (_, index) =>
      new SendConnection(
        job.shape,
        // Twice as many as are on their way: replies that overtake one another do not hold up the next send.
        { count: 2 * job.inFlight, first: index, step: job.connections },
        replies,
      ),
  );
  try {
    const opened = await Promise.all(connections.map((connection) => connection.open(job.broker)));
    const failed = Promise.race(opened.map((each) => each.failed));
    for (const connection of connections) connection.send(job.inFlight, performance.now());
    const result = await meter.measure(failed);
    const idle = new Promise<void>((resolve) => (onIdle = resolve));
    isOver = true;
    if (connections.some(({ inFlight }) => inFlight > 0)) await Promise.race([idle, failed]);
    return result;
  } finally {
    for (const connection of connections) connection.close();
  }
}
