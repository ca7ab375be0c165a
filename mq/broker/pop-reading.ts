import { encodePopHandle, type OrderCounts, type PoppedRange } from '../protocol/pop-handle.ts';
import { isRetryTopic } from '../protocol/names.ts';
import { readRecordHeader } from '../protocol/message.ts';
import type { GetResult, MessageStore } from '../store/message-store.ts';
import type { ConsumerOffsets } from './consumer-offsets.ts';
import { asPopped } from './pop-copies.ts';
import type { MessageSelection } from './message-selection.ts';
import type { PopOrder } from './pop-order.ts';
import type { PopQueue } from './pop-queue.ts';
import type { PopSource } from './pop-records.ts';
import type { Pops } from './pops.ts';
import { recordsOf } from './stored-records.ts';
import { isYoung } from './young-queue.ts';

/** Stretches of a queue without a message for the group that one pop passes, before it lets others have their turn. */
const MAX_SCANS = 8;

export interface PopReadingDeps {
  readonly store: MessageStore;
  readonly offsets: Pick<ConsumerOffsets, 'query' | 'commit' | 'pendingReset' | 'endReset'>;
  readonly pops: Pops;
  readonly order: PopOrder;
  readonly brokerName: string;
}

/** One POP_MESSAGE while it goes through queues. */
export interface PopRequest {
  readonly consumerGroup: string;
  /** As the client asked for; messages of the retry topic come under this name. */
  readonly topic: string;
  readonly isOrdered: boolean;
  readonly attemptId: string | undefined;
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly reviveQid: number;
  /** Where a new group begins. */
  readonly beginsAt: 'first' | 'end';
  readonly selection: MessageSelection;
  /** False once nobody is there to get the messages. */
  readonly isWanted: () => boolean;
}

/** What one POP_MESSAGE has found so far. */
export interface PopResult {
  readonly records: Buffer[];
  readonly ranges: PoppedRange[];
  readonly orderCounts: OrderCounts[];
  bytes: number;
  /** Messages behind the group's progress in the queues that were looked at. */
  restCount: number;
  /** There is more to look through: no pop may hold up the others for as long as that takes. */
  isCutShort: boolean;
}

export function emptyPopResult(): PopResult {
  return { records: [], ranges: [], orderCounts: [], bytes: 0, restCount: 0, isCutShort: false };
}

/**
 * Takes messages out of queues for a pop: one pop reads a queue at a time, and what it takes is invisible from the moment
 * it is taken.
 *
 * Source: RocketMQ 5.3 PopMessageProcessor.popMsgFromQueue, getPopOffset.
 */
export class PopReading {
  readonly #deps: PopReadingDeps;
  readonly #reading = new Map<PopQueue, Promise<void>>();

  constructor(deps: PopReadingDeps) {
    this.#deps = deps;
  }

  /** Adds to `result` what one queue has for the request. */
  async take(source: PopSource, request: PopRequest, result: PopResult): Promise<void> {
    const queue = this.#deps.pops.queue(source);
    for (let before = this.#reading.get(queue); before; before = this.#reading.get(queue)) {
      await before;
    }
    const reading = request.isOrdered
      ? this.#takeInOrder(queue, request, result)
      : this.#take(queue, request, result);
    const isOver = reading.catch(() => undefined);
    this.#reading.set(queue, isOver);
    try {
      await reading;
    } finally {
      this.#reading.delete(queue);
    }
  }

  /** Whether a pop would find something in a queue; a guess, for messages may be for nobody in the group. */
  hasMessages(source: PopSource, ordered?: { attemptId: string | undefined }): boolean {
    const { store, order } = this.#deps;
    if (ordered !== undefined && order.isBlocked(source, ordered.attemptId)) return false;
    return this.nextOffset(source) < store.maxOffset(source.topic, source.queueId);
  }

  /** What a pop would find in a queue, left there: at most so many messages. */
  async peek(source: PopSource, maxCount: number, maxBytes: number): Promise<GetResult> {
    const { store } = this.#deps;
    const { topic, queueId } = source;
    const at = { topic, queueId, maxCount, maxBytes };
    const found = await store.get({ ...at, queueOffset: this.nextOffset(source) });
    const isAside = found.status === 'OFFSET_TOO_SMALL' || found.status === 'OFFSET_OVERFLOW_BADLY';
    return isAside ? store.get({ ...at, queueOffset: found.nextBeginOffset }) : found;
  }

  /** Where a pop of that queue would read on. */
  nextOffset(source: PopSource): number {
    const { store, offsets, pops } = this.#deps;
    const { consumerGroup, topic, queueId } = source;
    const stored = offsets.query(consumerGroup, topic, queueId);
    const queue = pops.find(source);
    if (queue?.nextOffset !== undefined && queue.savedOffset === stored) return queue.nextOffset;
    return stored ?? store.minOffset(topic, queueId);
  }

  async #take(queue: PopQueue, request: PopRequest, result: PopResult): Promise<void> {
    const { store, pops } = this.#deps;
    const { topic, queueId } = queue.source;
    for (let scans = 0; ; scans++) {
      const from = await this.#begin(queue, request);
      const room = Math.min(request.maxCount - result.records.length, pops.roomIn(queue));
      const bytes = request.maxBytes - result.bytes;
      const isFull = room <= 0 || (bytes <= 0 && result.records.length > 0);
      if (isFull || !request.isWanted()) break;
      if (scans >= MAX_SCANS) {
        result.isCutShort = true;
        break;
      }
      const found = await store.get({
        topic,
        queueId,
        queueOffset: from,
        maxCount: room,
        maxBytes: Math.max(1, bytes),
        ...request.selection,
      });
      // Whoever has set the group's progress meanwhile knows better; and nobody gets what nobody waits for.
      if (!this.#isCurrent(queue, from) || !request.isWanted()) continue;
      if (found.status !== 'FOUND') {
        if (found.nextBeginOffset === from) break;
        if (found.nextBeginOffset < from) this.#setBack(queue, found.nextBeginOffset);
        else queue.skipTo(found.nextBeginOffset);
        this.#save(queue);
        continue;
      }
      if (this.#takeFound(queue, from, found, request, result)) break;
    }
    const { nextOffset = 0 } = queue;
    result.restCount += Math.max(0, store.maxOffset(topic, queueId) - nextOffset);
  }

  /** Returns whether there was a message that is not invisible already: after a crash, or when the progress was set back. */
  #takeFound(
    queue: PopQueue,
    startOffset: number,
    found: GetResult,
    request: PopRequest,
    result: PopResult,
  ): boolean {
    const { popTime, invisibleTime, reviveQid } = request;
    const taken = [...recordsOf(found.buffers)]
      .map((record) => ({ record, queueOffset: readRecordHeader(record).queueOffset }))
      .filter(({ queueOffset }) => !queue.isInvisible(queueOffset));
    const queueOffsets = taken.map(({ queueOffset }) => queueOffset);
    if (taken.length === 0) {
      queue.skipTo(found.nextBeginOffset);
      this.#save(queue);
      return false;
    }
    const range = { startOffset, popTime, invisibleTime, reviveQid, queueOffsets };
    this.#deps.pops.popped(queue, { ...range, nextOffset: found.nextBeginOffset });
    this.#add(queue.source, startOffset, taken, request, result);
    return true;
  }

  #add(
    { topic, queueId }: PopSource,
    startOffset: number,
    taken: readonly { readonly record: Buffer; readonly queueOffset: number }[],
    request: PopRequest,
    result: PopResult,
  ): void {
    const isRetry = isRetryTopic(topic);
    const { brokerName } = this.#deps;
    for (const { record, queueOffset } of taken) {
      const handle = { ...request, startOffset, isRetry, brokerName, queueId, queueOffset };
      const shown =
        topic === request.topic
          ? record
          : (asPopped(record, request.topic, encodePopHandle(handle)) ?? record);
      result.records.push(shown);
      result.bytes += shown.length;
    }
    const queueOffsets = taken.map(({ queueOffset }) => queueOffset);
    result.ranges.push({ isRetry, queueId, startOffset, queueOffsets });
  }

  /** Nothing else of the queue is given out before these messages are acknowledged, or their time is over. */
  async #takeInOrder(queue: PopQueue, request: PopRequest, result: PopResult): Promise<void> {
    const { store, order, offsets } = this.#deps;
    const { source } = queue;
    const { topic, queueId, consumerGroup: group } = source;
    for (let scans = 0; ; scans++) {
      const from = await this.#beginInOrder(source, request);
      if (scans >= MAX_SCANS) {
        result.isCutShort = true;
        break;
      }
      if (order.isBlocked(source, request.attemptId) || !request.isWanted()) return;
      const maxCount = request.maxCount - result.records.length;
      const bytes = request.maxBytes - result.bytes;
      if (maxCount <= 0 || (bytes <= 0 && result.records.length > 0)) break;
      const found = await store.get({
        topic,
        queueId,
        queueOffset: from,
        maxCount,
        maxBytes: Math.max(1, bytes),
        ...request.selection,
      });
      const isCurrent =
        offsets.query(group, topic, queueId) === from &&
        offsets.pendingReset({ group, topic, queueId }) === undefined;
      if (!isCurrent || !request.isWanted()) continue;
      if (found.status !== 'FOUND') {
        if (found.nextBeginOffset === from) break;
        const queueOffset = found.nextBeginOffset;
        offsets.commit({ group, topic, queueId, queueOffset, client: 'pop' });
        continue;
      }
      const taken = [...recordsOf(found.buffers)].map((record) => ({
        record,
        queueOffset: readRecordHeader(record).queueOffset,
      }));
      const queueOffsets = taken.map(({ queueOffset }) => queueOffset);
      const [queueOffset = from] = queueOffsets;
      offsets.commit({ group, topic, queueId, queueOffset, client: 'pop' });
      result.orderCounts.push(order.popped(source, { ...request, queueOffsets }));
      this.#add(source, queueOffset, taken, request, result);
      result.restCount += Math.max(0, found.maxOffset - found.nextBeginOffset);
      return;
    }
    result.restCount += Math.max(0, store.maxOffset(topic, queueId) - this.nextOffset(source));
  }

  async #beginInOrder(source: PopSource, request: PopRequest): Promise<number> {
    const { offsets, order } = this.#deps;
    const { consumerGroup: group, topic, queueId } = source;
    const isReset = this.#takeReset(source);
    const stored = offsets.query(group, topic, queueId);
    const open = order.openOffset(source);
    if (open !== undefined && (isReset || open !== stored)) order.clear(source);
    if (stored !== undefined) return stored;
    const queueOffset = await this.#firstOffset(source, request);
    const other = offsets.query(group, topic, queueId);
    if (other !== undefined) return other;
    offsets.commit({ group, topic, queueId, queueOffset, client: 'pop' });
    return queueOffset;
  }

  #isCurrent(queue: PopQueue, from: number): boolean {
    const { consumerGroup, topic, queueId } = queue.source;
    const { offsets } = this.#deps;
    if (offsets.pendingReset({ group: consumerGroup, topic, queueId }) !== undefined) return false;
    const stored = offsets.query(consumerGroup, topic, queueId);
    return stored === queue.savedOffset && queue.nextOffset === from;
  }

  /** Takes over a reset of the group, as a member that pulls would. */
  #takeReset({ consumerGroup: group, topic, queueId }: PopSource): boolean {
    const { offsets } = this.#deps;
    const isReset = offsets.pendingReset({ group, topic, queueId }) !== undefined;
    if (isReset) offsets.endReset({ group, topic, queueId });
    return isReset;
  }

  /** The group's progress was set beyond the end of the queue. */
  #setBack(queue: PopQueue, queueOffset: number): void {
    const { consumerGroup: group, topic, queueId } = queue.source;
    this.#deps.offsets.commit({ group, topic, queueId, queueOffset, client: 'pop' });
    queue.moveTo(queueOffset);
  }

  #save(queue: PopQueue): void {
    this.#deps.pops.saveProgress(queue);
  }

  /** Where to read on. What somebody else has set as the group's progress counts, and so begins a group that is new here. */
  async #begin(queue: PopQueue, request: PopRequest): Promise<number> {
    const { offsets } = this.#deps;
    const { consumerGroup: group, topic, queueId } = queue.source;
    const isReset = this.#takeReset(queue.source);
    const stored = offsets.query(group, topic, queueId);
    const isKnown = !isReset && stored === queue.savedOffset;
    if (queue.nextOffset !== undefined && isKnown) return queue.nextOffset;
    const first = stored ?? (await this.#firstOffset(queue.source, request));
    const now = offsets.query(group, topic, queueId);
    const begin = now ?? first;
    if (now === undefined) {
      offsets.commit({ group, topic, queueId, queueOffset: begin, client: 'pop' });
    }
    queue.moveTo(begin);
    return begin;
  }

  /** As in the original, a group that begins at the end gets the last message that is there. */
  async #firstOffset({ topic, queueId }: PopSource, request: PopRequest): Promise<number> {
    const { store } = this.#deps;
    if (request.beginsAt === 'first' || isRetryTopic(topic)) return store.minOffset(topic, queueId);
    if (await isYoung(store, topic, queueId)) return 0;
    return Math.max(0, store.maxOffset(topic, queueId) - 1);
  }
}
