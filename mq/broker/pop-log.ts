import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import { decodeRecord, readRecordHeader } from '../protocol/message.ts';
import { findProperty, PropertyKey } from '../protocol/properties.ts';
import type { AppendMessage, Arrival, MessageStore } from '../store/message-store.ts';
import type { ConsumerOffsets } from './consumer-offsets.ts';
import {
  checkpointEndRecord,
  checkpointRecord,
  decodeReviveRecord,
  MAX_REVIVE_QUEUES,
  WRITER_PROPERTY,
  type Checkpoint,
  type CheckpointEnd,
  type ReviveRecord,
} from './pop-records.ts';
import { appendSafely, isHopeless, recordsOf } from './stored-records.ts';

/** The consumer group whose offsets say how far the revive log is done with, as the original names it. */
export const REVIVE_GROUP = 'CID_RMQ_SYS_REVIVE_GROUP';
const READ_COUNT = 32;
const READ_BYTES = 1024 * 1024;

export interface PopLogDeps {
  readonly store: MessageStore;
  readonly offsets: Pick<ConsumerOffsets, 'query' | 'commit'>;
  /** rmq_sys_REVIVE_LOG_<cluster>. */
  readonly reviveTopic: string;
  readonly storeHost: () => HostAddress;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A record of the revive log, and where it is. */
export interface FoundRecord {
  readonly reviveQid: number;
  readonly queueOffset: number;
  readonly record: ReviveRecord;
}

/** One queue of the revive log: what may not be forgotten of it. */
interface LogQueue {
  /** Messages still invisible of each checkpoint, by its queueOffset; in order. */
  live: Map<number, number>;
  lastHeld: number;
  /** Where the queue ended when a write began whose result is not known. */
  readonly writing: Set<{ readonly from: number }>;
  /** Foreign records that were not read yet. */
  readonly unread: Set<number>;
}

/**
 * The revive log: messages that are popped and not acknowledged, as far as they have to survive this process.
 *
 * Its progress, the offset of a consumer group, is the last record before the first checkpoint that still matters, as in
 * the original; a restart reads from behind it.
 *
 * Source: RocketMQ 5.3 PopReviveService.java.
 */
export class PopLog {
  readonly #deps: PopLogDeps;
  readonly #queues: readonly LogQueue[];
  /** In every record, to tell them from those that another process wrote and a timer delivers. */
  readonly #writer: string;
  #onForeign: ((found: FoundRecord) => void) | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(deps: PopLogDeps) {
    this.#deps = deps;
    this.#writer = `${process.pid}-${deps.clock.now()}-${Math.random().toString(36).slice(2)}`;
    this.#queues = Array.from({ length: MAX_REVIVE_QUEUES }, () => ({
      live: new Map<number, number>(),
      lastHeld: -1,
      writing: new Set<{ readonly from: number }>(),
      unread: new Set<number>(),
    }));
  }

  /** Reads what a restart needs, in order within each queue. Records that cannot be read are logged and passed over. */
  async recover(each: (found: FoundRecord) => void): Promise<void> {
    const { store, offsets, reviveTopic } = this.#deps;
    for (const reviveQid of this.#queues.keys()) {
      const done = offsets.query(REVIVE_GROUP, reviveTopic, reviveQid);
      const from = done === undefined ? 0 : done + 1;
      const end = store.maxOffset(reviveTopic, reviveQid);
      // A crash has taken the end of the log. What gets these offsets next is not done.
      if (done !== undefined && done >= end) this.#commit(reviveQid, end - 1);
      await this.#read(reviveQid, from, end, (record) => this.#tell(reviveQid, record, each));
    }
  }

  /** From now on, what other processes left and timers deliver into the log is told to `listener`. */
  listen(listener: (found: FoundRecord) => void): void {
    this.#onForeign = listener;
    this.#deps.store.onArrival((arrival) => this.#arrived(arrival));
  }

  /** Resolves when every record that has arrived was told. */
  settled(): Promise<void> {
    return this.#reading;
  }

  checkpoint(
    checkpoint: Omit<Checkpoint, 'brokerName'>,
    brokerName: string,
    reviveQid: number,
  ): AppendMessage {
    return checkpointRecord({ ...checkpoint, brokerName }, this.#place(reviveQid));
  }

  end(
    end: Omit<CheckpointEnd, 'brokerName'>,
    brokerName: string,
    reviveQid: number,
    invisibleTime: number,
  ): AppendMessage {
    return checkpointEndRecord({ ...end, brokerName }, this.#place(reviveQid), invisibleTime);
  }

  /**
   * Writes messages next to each other, some of them into the revive log's queue `reviveQid`. Returns the queueOffset of
   * each. Nothing of that queue counts as done before `then` has run.
   *
   * Errors: the store's refusal.
   */
  async write(
    reviveQid: number,
    messages: readonly AppendMessage[],
    isFlushed: boolean,
    then: (queueOffsets: readonly number[]) => void,
  ): Promise<void> {
    const { store, reviveTopic } = this.#deps;
    const queue = this.#queues[reviveQid];
    const mark = { from: store.maxOffset(reviveTopic, reviveQid) };
    queue?.writing.add(mark);
    try {
      const results = await appendSafely(store, messages);
      // An offset that moves on for this survives a power cut: what it relies on must, too.
      if (isFlushed) await store.flush();
      then(results.map(({ queueOffset }) => queueOffset));
    } finally {
      queue?.writing.delete(mark);
      this.#saveProgress(reviveQid);
    }
  }

  /** So many messages of a checkpoint are invisible. */
  hold(reviveQid: number, checkpoint: number, count: number): void {
    const queue = this.#queues[reviveQid];
    if (queue === undefined || count <= 0) return;
    queue.live.set(checkpoint, count);
    // Two writes may be told of in another order than they were made in.
    if (checkpoint < queue.lastHeld) {
      queue.live = new Map([...queue.live].toSorted(([a], [b]) => a - b));
    }
    queue.lastHeld = Math.max(queue.lastHeld, checkpoint);
  }

  /** One message less. */
  release(reviveQid: number, checkpoint: number): void {
    const live = this.#queues[reviveQid]?.live;
    const count = live?.get(checkpoint);
    if (live === undefined || count === undefined) return;
    if (count > 1) {
      live.set(checkpoint, count - 1);
      return;
    }
    live.delete(checkpoint);
    this.#saveProgress(reviveQid);
  }

  #saveProgress(reviveQid: number): void {
    const queue = this.#queues[reviveQid];
    if (queue === undefined) return;
    const { store, offsets, reviveTopic } = this.#deps;
    const first = (keys: Iterable<number>): number => {
      for (const key of keys) return key;
      return Infinity;
    };
    const [writing] = queue.writing;
    const next = Math.min(
      store.maxOffset(reviveTopic, reviveQid),
      first(queue.live.keys()),
      first(queue.unread),
      writing?.from ?? Infinity,
    );
    const done = next - 1;
    const known = offsets.query(REVIVE_GROUP, reviveTopic, reviveQid) ?? -1;
    if (done <= known) return;
    this.#commit(reviveQid, done);
  }

  #commit(reviveQid: number, queueOffset: number): void {
    const { offsets, reviveTopic } = this.#deps;
    const where = { group: REVIVE_GROUP, topic: reviveTopic, queueId: reviveQid };
    offsets.commit({ ...where, queueOffset, client: 'pop' });
  }

  #place(reviveQid: number): Parameters<typeof checkpointRecord>[1] {
    const { reviveTopic, storeHost, clock } = this.#deps;
    const nowMs = clock.now();
    return { reviveTopic, reviveQid, storeHost: storeHost(), nowMs, writer: this.#writer };
  }

  #arrived({ topic, queueId, queueOffset }: Arrival): void {
    const queue = this.#queues[queueId];
    if (topic !== this.#deps.reviveTopic || queue === undefined) return;
    // A write of ours has announced itself; reading what it wrote tells whose it is, in order with the others.
    queue.unread.add(queueOffset);
    this.#reading = this.#reading.then(() => this.#readArrived(queueId, queueOffset));
  }

  /** Never rejects. */
  async #readArrived(reviveQid: number, queueOffset: number): Promise<void> {
    try {
      await this.#read(reviveQid, queueOffset, queueOffset + 1, (record) => {
        if (writerOf(record) === this.#writer) return;
        this.#tell(reviveQid, record, (found) => this.#onForeign?.(found));
      });
    } catch (cause) {
      this.#deps.logger.error('a record of the revive log cannot be read before the next start', {
        reviveQid,
        queueOffset,
        cause,
      });
      return;
    }
    this.#queues[reviveQid]?.unread.delete(queueOffset);
    this.#saveProgress(reviveQid);
  }

  async #read(
    reviveQid: number,
    from: number,
    end: number,
    each: (record: Buffer) => void,
  ): Promise<void> {
    const { store, reviveTopic } = this.#deps;
    for (let next = from; next < end;) {
      const result = await store.get({
        topic: reviveTopic,
        queueId: reviveQid,
        queueOffset: next,
        maxCount: Math.min(READ_COUNT, end - next),
        maxBytes: READ_BYTES,
      });
      if (result.status === 'FOUND') {
        for (const record of recordsOf(result.buffers)) each(record);
      }
      if (result.nextBeginOffset <= next) return;
      next = result.nextBeginOffset;
    }
  }

  #tell(reviveQid: number, stored: Buffer, each: (found: FoundRecord) => void): void {
    try {
      const { properties, body, queueOffset } = decodeRecord(stored);
      const record = decodeReviveRecord(properties.get(PropertyKey.TAGS), body);
      if (record !== undefined) each({ reviveQid, queueOffset, record });
    } catch (cause) {
      if (!isHopeless(cause)) throw cause;
      this.#deps.logger.error('a record of the revive log cannot be read and is passed over', {
        reviveQid,
        cause,
      });
    }
  }
}

function writerOf(record: Buffer): string | undefined {
  const { propertiesAt, propertiesBytes } = readRecordHeader(record);
  return findProperty(
    record.toString('utf8', propertiesAt, propertiesAt + propertiesBytes),
    WRITER_PROPERTY,
  );
}
