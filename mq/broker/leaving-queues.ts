import { MqError } from '../errors.ts';
import type { BrokerContext } from './broker-context.ts';

/** The queues of a topic that consumers lose when its readQueueNums is lowered: `[firstId, endId)`. */
export interface LeavingQueues {
  readonly topic: string;
  readonly firstId: number;
  readonly endId: number;
}

type Knowledge = Pick<BrokerContext, 'store' | 'offsets' | 'logger'>;

/**
 * Makes sure that every leaving queue ends where whoever shrinks the topic has seen its consumers arrive. What was
 * appended and is not visible yet counts, and from here to the change of the settings nothing may wait: so no message
 * can slip in between.
 *
 * Shape:  drainedTo is `queueId:queueOffset;…`.
 * Errors: INVALID_PARAMETER for what is none of that; ILLEGAL_OPERATION naming the queue and both offsets.
 */
export function assertDrained(
  { store }: Pick<Knowledge, 'store'>,
  { topic, firstId, endId }: LeavingQueues,
  drainedTo: string,
): void {
  const drained = parseDrainedTo(drainedTo);
  for (let queueId = firstId; queueId < endId; queueId++) {
    const end = store.nextOffset(topic, queueId);
    const known = drained.get(queueId) ?? 0;
    if (end === known) continue;
    throw new MqError(
      'ILLEGAL_OPERATION',
      `queue ${queueId} of topic[${topic}] ends at ${end}, and is drained to ${known} only`,
      { details: { topic, queueId, queueOffset: end, drainedTo: known } },
    );
  }
}

/** Says aloud what nobody can read any more, once for each group; an original says nothing. */
export function warnOfUnread(
  { store, offsets, logger }: Knowledge,
  { topic, firstId, endId }: LeavingQueues,
): void {
  for (const group of offsets.groupsOf(topic)) {
    let messages = 0;
    for (let queueId = firstId; queueId < endId; queueId++) {
      const reached = offsets.query(group, topic, queueId) ?? store.minOffset(topic, queueId);
      messages += Math.max(0, store.nextOffset(topic, queueId) - reached);
    }
    if (messages === 0) continue;
    logger.warn(
      'a topic has lost queues with messages that a group has not consumed: raise its readQueueNums again',
      { topic, group, messages, readQueueNumsBefore: endId, readQueueNums: firstId },
    );
  }
}

function parseDrainedTo(text: string): Map<number, number> {
  const drained = new Map<number, number>();
  for (const part of text.split(';').filter((each) => each !== '')) {
    const [, queueId, queueOffset] = /^(\d{1,10}):(\d{1,16})$/.exec(part) ?? [];
    if (queueId === undefined) {
      throw new MqError(
        'INVALID_PARAMETER',
        `drainedTo has ${JSON.stringify(part.slice(0, 40))}, not queueId:queueOffset`,
      );
    }
    drained.set(Number(queueId), Number(queueOffset));
  }
  return drained;
}
