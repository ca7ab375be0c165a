import { setTimeout as delay } from 'node:timers/promises';
import { Latencies } from '../../generator/latencies.ts';
import type { FlowJob, JobResult } from './messages.ts';
import { Meter } from './meter.ts';
import { eachStamp, PullConnection } from './pull-connection.ts';
import { SendConnection } from './send-connection.ts';

/** Sends that may be on their way: a broker that stops for a second at the highest rate has so many to catch up with. */
const SLOTS = 16_384;
/** What has not come so long after the last send will not come. */
const LAST_CHANCE_MS = 10_000;

/**
 * Sends messages when they are due, and takes each from a consumer that waits for it: in one process, whose clock both
 * sides read. It never sleeps while messages are due, so that what is measured is not its timer.
 *
 * Errors: when messages are missing at the end.
 */
export async function runFlow(job: FlowJob): Promise<JobResult> {
  const { shape, ratePerS } = job;
  const meter = new Meter(job.brokerPid);
  const ackLatencies = new Latencies();
  let sentCount = 0;
  let refusedCount = 0;
  let receivedCount = 0;
  let isSending = true;
  let isOver = false;
  const missing = (): number => sentCount - refusedCount - receivedCount;
  const producer = new SendConnection(
    shape,
    { count: SLOTS, first: 0, step: 1 },
    {
      onReply(code, dueMs) {
        if (code !== 0) {
          meter.refused(code);
          refusedCount += 1;
        } else if (meter.isWithin(dueMs)) {
          ackLatencies.record(performance.now() - dueMs);
        }
      },
      onReadEnd: () => undefined,
    },
  );
  const consumer = await PullConnection.open(job.broker, shape.topic);
  try {
    const { failed } = await producer.open(job.broker);
    const broken = Promise.race([failed, consumer.failed]);
    const pullAt = (queueId: number, offset: number): void => {
      consumer.pull({ queueId, offset, isHeld: true }, (pulled, code) => {
        const nowMs = performance.now();
        if (pulled === undefined) {
          meter.refused(code);
        } else if (pulled.count > 0) {
          receivedCount += pulled.count;
          eachStamp(pulled.frame, (dueMs) => {
            if (meter.isWithin(dueMs)) meter.answered(1, nowMs - dueMs);
          });
        }
        if (!isOver) pullAt(queueId, pulled?.nextOffset ?? offset);
      });
    };
    for (let queueId = 0; queueId < shape.queueCount; queueId += 1) {
      const { max } = await Promise.race([consumer.range(queueId), broken]);
      pullAt(queueId, max);
    }
    const startMs = performance.now();
    const endMs = startMs + job.warmUpMs + job.measureMs;
    const dueMsOf = (index: number): number => startMs + ((index + 0.5) * 1_000) / ratePerS;
    const sendWhatIsDue = new Promise<void>((resolve) => {
      const turn = (): void => {
        const nowMs = performance.now();
        while (dueMsOf(sentCount) <= Math.min(nowMs, endMs)) {
          // All slots wait for replies: these messages are late, and their latencies will say so.
          if (!producer.sendStamped(dueMsOf(sentCount))) break;
          sentCount += 1;
        }
        if (!isSending || dueMsOf(sentCount) > endMs) resolve();
        else setImmediate(turn);
      };
      turn();
    });
    await Promise.race([delay(job.warmUpMs), broken]);
    meter.start(startMs + job.warmUpMs + job.measureMs - performance.now());
    await Promise.race([sendWhatIsDue, delay(job.measureMs + LAST_CHANCE_MS), broken]);
    isSending = false;
    meter.stop();
    const deadlineMs = performance.now() + LAST_CHANCE_MS;
    while (missing() > 0 && performance.now() < deadlineMs) {
      await Promise.race([delay(1), broken]);
    }
    isOver = true;
    if (missing() > 0) {
      throw new Error(`${missing()} of ${sentCount} messages that were sent did not come`);
    }
    return { ...meter.result(), ackLatencies: ackLatencies.encode() };
  } finally {
    producer.close();
    consumer.close();
  }
}
