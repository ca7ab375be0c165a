import type { FoundRecord } from './pop-log.ts';
import type { PopQueue } from './pop-queue.ts';
import { sourceKey, type PopSource } from './pop-records.ts';

/** A message that the revive log says is invisible. */
export interface Restored {
  readonly source: PopSource;
  readonly found: Omit<Parameters<PopQueue['restored']>[0], 'dueMs'>;
}

/** The state of the revive log after one more record: of two checkpoints for one message the later pop counts. */
export function collect(
  state: Map<string, Map<number, Restored>>,
  { reviveQid, queueOffset: checkpoint, record }: FoundRecord,
): void {
  const { topic, consumerGroup, queueId, startOffset, popTime } = record;
  const source = { topic, consumerGroup, queueId };
  const key = sourceKey(source);
  let byOffset = state.get(key);
  if (byOffset === undefined) {
    byOffset = new Map();
    state.set(key, byOffset);
  }
  for (const queueOffset of record.queueOffsets) {
    const known = byOffset.get(queueOffset)?.found;
    if (record.kind === 'end') {
      if (known?.startOffset === startOffset && known.popTime === popTime) {
        byOffset.delete(queueOffset);
      }
    } else if (known === undefined || known.popTime <= popTime) {
      const { invisibleTime } = record;
      const found = { queueOffset, startOffset, popTime, invisibleTime, reviveQid, checkpoint };
      byOffset.set(queueOffset, { source, found });
    }
  }
}

/** How many messages each checkpoint has, in the order of the log. */
export function checkpointsOf(
  queues: Iterable<PopQueue>,
): { reviveQid: number; checkpoint: number; count: number }[] {
  const held = new Map<string, { reviveQid: number; checkpoint: number; count: number }>();
  for (const queue of queues) {
    for (const { reviveQid, checkpoint } of queue.all()) {
      if (checkpoint === undefined) continue;
      const key = `${reviveQid}@${checkpoint}`;
      const hold = held.get(key) ?? { reviveQid, checkpoint, count: 0 };
      hold.count++;
      held.set(key, hold);
    }
  }
  return [...held.values()].toSorted((a, b) => a.checkpoint - b.checkpoint);
}
