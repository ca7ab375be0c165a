import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import { poppedTopic } from '../protocol/names.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { ConsumerOffsets } from './consumer-offsets.ts';
import { DueTimes } from './due-times.ts';
import { PopLog, type FoundRecord } from './pop-log.ts';
import { PopQueue, type Invisible } from './pop-queue.ts';
import { checkpointsOf, collect, type Restored } from './pop-restore.ts';
import { sourceKey, type PopSource } from './pop-records.ts';
import { PopRevival, type PopRevivalDeps } from './pop-revival.ts';
import { PopWriting } from './pop-writing.ts';

/** popCkStayBufferTime of the original: how long a popped message is in memory only. */
const STAY_MS = 10_000;
const RETRY_AFTER_MS = 1_000;
/** Messages that come again, or go into the revive log, in one round. */
const ROUND_COUNT = 256;
/** Messages of one pop, at most, and of one checkpoint. */
const CHECKPOINT_COUNT = 32;

export interface PopsDeps extends Omit<PopRevivalDeps, 'store'> {
  readonly store: MessageStore;
  readonly offsets: Pick<ConsumerOffsets, 'query' | 'commit'>;
  readonly reviveTopic: string;
  readonly reviveQueueNums: number;
  readonly brokerName: string;
  /** Messages a group may have popped from one queue and not acknowledged. */
  readonly popInflightMessageThreshold: number;
  readonly storeHost: () => HostAddress;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Names messages of one pop, as a handle does. */
export interface PopName extends PopSource {
  readonly startOffset: number;
  readonly popTime: number;
}

/**
 * What consumer groups have popped: keeps it invisible, lets it come again, and moves the groups' progress.
 *
 * A popped message is in memory for ten seconds, and the group's progress waits for it; then it goes into the revive log,
 * where a restart finds it, and the progress moves on. A consumer that keeps up costs nothing on disk. What is not
 * acknowledged in time is stored once more, in the retry topic, and is done with that.
 *
 * Order:  progress passes a message only after its acknowledgement, its copy or its checkpoint is as safe as can be. What
 *         a kill -9 may repeat: acknowledged messages popped in the last ten seconds, and what flushConsumerOffsetInterval
 *         had not saved.
 * Errors: the store's refusals leave everything as it was; what was due is tried again in a second.
 * Source: RocketMQ 5.3 PopBufferMergeService.java, PopReviveService.java.
 */
export class Pops {
  readonly #deps: PopsDeps;
  readonly #log: PopLog;
  readonly #revival: PopRevival;
  readonly #writing: PopWriting;
  readonly #queues = new Map<string, PopQueue>();
  readonly #due = new DueTimes<Invisible>();
  readonly #unsaved = new DueTimes<Invisible>();
  readonly #roomListeners: ((source: PopSource) => void)[] = [];
  #timer: TimerHandle | undefined;
  #timerDueMs = Infinity;
  #round: Promise<void> | undefined;
  #nextReviveQid = 0;
  #state: 'new' | 'started' | 'closed' = 'new';

  constructor(deps: PopsDeps) {
    this.#deps = deps;
    this.#log = new PopLog(deps);
    this.#revival = new PopRevival(deps);
    this.#writing = new PopWriting(this.#log, deps.brokerName);
  }

  /** Messages that are invisible now, of all groups. */
  get invisibleCount(): number {
    return this.#due.size;
  }

  /** Reads from the revive log what was invisible before the restart, and begins to let messages come again. */
  async start(): Promise<void> {
    const found = new Map<string, Map<number, Restored>>();
    await this.#log.recover((each) => collect(found, each));
    for (const byOffset of found.values()) {
      for (const restored of byOffset.values()) this.#restore(restored);
    }
    for (const { reviveQid, checkpoint, count } of checkpointsOf(this.#queues.values())) {
      this.#log.hold(reviveQid, checkpoint, count);
    }
    this.#log.listen((each) => this.#foreign(each));
    this.#state = 'started';
    this.#arm();
  }

  /** Puts what is only in memory into the revive log: after a clean stop nothing acknowledged comes again. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const wasStarted = this.#state === 'started';
    this.#state = 'closed';
    this.#deps.clock.clearTimeout(this.#timer);
    await this.#round;
    await this.#log.settled();
    if (!wasStarted) return;
    const buffered = [...this.#queues.values()].flatMap((queue) => [...queue.buffered()]);
    try {
      await this.#save(buffered);
    } catch (cause) {
      this.#deps.logger.error(
        'popped messages were not saved at close: they will be popped again at once',
        { count: buffered.length, cause },
      );
    }
  }

  /** Resolves when nothing that is due is being written. */
  async settled(): Promise<void> {
    await this.#log.settled();
    while (this.#round !== undefined) await this.#round;
  }

  /** Calls `listener` when a queue that was full of unacknowledged messages is no longer. */
  onRoom(listener: (source: PopSource) => void): void {
    this.#roomListeners.push(listener);
  }

  queue(source: PopSource): PopQueue {
    const key = sourceKey(source);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new PopQueue(source, STAY_MS);
      this.#queues.set(key, queue);
    }
    return queue;
  }

  /** Undefined for a queue of which nothing is known, which costs nothing to ask for. */
  find(source: PopSource): PopQueue | undefined {
    return this.#queues.get(sourceKey(source));
  }

  /** How many messages may still be popped from a queue. */
  roomIn(queue: PopQueue): number {
    return Math.max(0, this.#deps.popInflightMessageThreshold - queue.size);
  }

  /** Where the next pop's messages will be in the revive log. */
  nextReviveQid(): number {
    const reviveQid = this.#nextReviveQid;
    this.#nextReviveQid = (reviveQid + 1) % this.#deps.reviveQueueNums;
    return reviveQid;
  }

  /** Makes messages invisible and moves the group on. */
  popped(queue: PopQueue, popped: Parameters<PopQueue['popped']>[0]): void {
    const entries = queue.popped(popped, this.#deps.clock.monotonicMs());
    for (const entry of entries) {
      this.#due.set(entry, entry.dueMs);
      this.#unsaved.set(entry, entry.storeAtMs);
    }
    this.saveProgress(queue);
    this.#arm();
  }

  /** Saves how far the group has come in a queue, unless somebody else has set it meanwhile. */
  saveProgress(queue: PopQueue): void {
    const { consumerGroup: group, topic, queueId } = queue.source;
    const { commitOffset } = queue;
    if (commitOffset === undefined || commitOffset === queue.savedOffset) return;
    const { offsets } = this.#deps;
    if (offsets.query(group, topic, queueId) !== queue.savedOffset) return;
    const where = { group, topic, queueId };
    if (offsets.commit({ ...where, queueOffset: commitOffset, client: 'pop' })) {
      queue.savedOffset = commitOffset;
    }
  }

  /**
   * Messages are done. Those that are not invisible under that name any more are passed over: they were acknowledged before,
   * or have come again.
   *
   * Errors: the store's refusal, when the revive log has to be told.
   */
  async ack(name: PopName, queueOffsets: readonly number[]): Promise<void> {
    const queue = this.find(name);
    if (queue === undefined) return;
    const logged: Invisible[] = [];
    for (const queueOffset of queueOffsets) {
      const entry = await this.#atRest(queue, queueOffset, name);
      if (entry === undefined) continue;
      if (entry.checkpoint === undefined) this.#done(entry);
      else logged.push(entry);
    }
    // Another ack of the same may have begun while the last one was waited for.
    const still = logged.filter(({ moving }) => moving === undefined);
    if (still.length > 0) {
      await this.#moving(still, () =>
        this.#writing.ended(still, () => still.forEach((each) => this.#done(each))),
      );
    }
    this.saveProgress(queue);
  }

  /**
   * A message comes again so long from now. Returns when that begins, and where it is in the revive log.
   *
   * Errors: NO_MESSAGE when it is not invisible under that name; the store's refusal.
   */
  async changeInvisibleTime(
    name: PopName,
    queueOffset: number,
    invisibleTime: number,
  ): Promise<{ popTime: number; reviveQid: number }> {
    const queue = this.find(name);
    const entry = queue && (await this.#atRest(queue, queueOffset, name));
    if (queue === undefined || entry === undefined) {
      throw new MqError(
        'NO_MESSAGE',
        `message ${queueOffset} of ${name.topic} queue ${name.queueId} is not invisible to ${name.consumerGroup} ` +
          `since ${name.popTime}: it was acknowledged, or has come again`,
      );
    }
    // Of two checkpoints for one message a restart takes the later: also when the clock was set back in between.
    const popTime = Math.max(entry.popTime, this.#deps.clock.now());
    if (entry.checkpoint === undefined) this.#postpone(entry, popTime, invisibleTime);
    else await this.#moving([entry], () => this.#renew(entry, popTime, invisibleTime));
    return { popTime, reviveQid: entry.reviveQid };
  }

  #renew(entry: Invisible, popTime: number, invisibleTime: number): Promise<void> {
    const { reviveQid, checkpoint: before } = entry;
    return this.#writing.renewed(entry, popTime, invisibleTime, (checkpoint) => {
      this.#log.hold(reviveQid, checkpoint, 1);
      if (before !== undefined) this.#log.release(reviveQid, before);
      entry.checkpoint = checkpoint;
      this.#postpone(entry, popTime, invisibleTime);
    });
  }

  #postpone(entry: Invisible, popTime: number, invisibleTime: number): void {
    entry.queue.postponed(entry, popTime, invisibleTime, this.#deps.clock.monotonicMs());
    this.#due.set(entry, entry.dueMs);
    this.#arm();
  }

  /** Forgets a deleted topic, and what is left to come again of it. */
  topicDeleted(topic: string): void {
    this.#drop(({ source }) => poppedTopic(source.topic, source.consumerGroup) === topic);
  }

  groupDeleted(group: string): void {
    this.#drop(({ source }) => source.consumerGroup === group);
  }

  #drop(isGone: (queue: PopQueue) => boolean): void {
    for (const [key, queue] of this.#queues) {
      if (!isGone(queue)) continue;
      for (const entry of queue.all()) this.#done(entry);
      this.#queues.delete(key);
    }
  }

  /** The message of that name when nothing is being written about it; undefined when there is none (any more). */
  async #atRest(
    queue: PopQueue,
    queueOffset: number,
    { startOffset, popTime }: PopName,
  ): Promise<Invisible | undefined> {
    for (;;) {
      const entry = queue.named(queueOffset, startOffset, popTime);
      if (entry?.moving === undefined) return entry;
      await entry.moving;
    }
  }

  /** Nobody else does anything about these messages before `work` is over. */
  async #moving(entries: readonly Invisible[], work: () => Promise<void>): Promise<void> {
    const working = work();
    const moving = working.catch(() => undefined);
    for (const entry of entries) entry.moving = moving;
    try {
      await working;
    } finally {
      for (const entry of entries) entry.moving = undefined;
    }
  }

  /** A message needs no more of us. */
  #done(entry: Invisible): void {
    const { queue, queueOffset, checkpoint, reviveQid } = entry;
    if (queue.get(queueOffset) !== entry) return;
    const wasFull = this.roomIn(queue) === 0;
    queue.forget(queueOffset);
    this.#due.delete(entry);
    this.#unsaved.delete(entry);
    if (checkpoint !== undefined) this.#log.release(reviveQid, checkpoint);
    if (wasFull) for (const listener of this.#roomListeners) listener(queue.source);
  }

  #arm(): void {
    if (this.#state !== 'started' || this.#round !== undefined) return;
    const dueMs = Math.min(
      this.#due.nextDueMs() ?? Infinity,
      this.#unsaved.nextDueMs() ?? Infinity,
    );
    if (dueMs >= this.#timerDueMs || dueMs === Infinity) return;
    const { clock } = this.#deps;
    clock.clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = clock.setTimeout(
      () => {
        this.#timerDueMs = Infinity;
        this.#round ??= this.#turn().finally(() => {
          this.#round = undefined;
          this.#arm();
        });
      },
      Math.max(0, Math.ceil(dueMs - clock.monotonicMs())),
    );
    this.#timer.unref();
  }

  /** Never rejects. */
  async #turn(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    const due = this.#take(this.#due, nowMs);
    // What comes again now needs no checkpoint any more.
    const unsaved = this.#take(this.#unsaved, nowMs).filter(
      (entry) => entry.checkpoint === undefined && entry.dueMs > nowMs,
    );
    await Promise.all([this.#comeAgain(due), this.#saveOrRetry(unsaved)]);
  }

  /** Those about which something is being written are looked at again shortly. */
  #take(times: DueTimes<Invisible>, nowMs: number): Invisible[] {
    return times.takeDue(nowMs, ROUND_COUNT).filter((entry) => {
      if (entry.moving !== undefined) times.set(entry, nowMs + 1);
      return entry.moving === undefined;
    });
  }

  async #comeAgain(due: readonly Invisible[]): Promise<void> {
    if (due.length === 0) return;
    const queues = new Set<PopQueue>();
    const outcomes = await Promise.allSettled(
      due.map((entry) => this.#moving([entry], () => this.#revive(entry))),
    );
    let failure: unknown;
    for (const [index, outcome] of outcomes.entries()) {
      const entry = due[index]!;
      queues.add(entry.queue);
      if (outcome.status === 'fulfilled') continue;
      failure = outcome.reason;
      this.#retryLater(this.#due, entry);
    }
    for (const queue of queues) this.saveProgress(queue);
    if (failure === undefined) return;
    this.#deps.logger.error('popped messages could not come again, trying again in a second', {
      cause: failure,
    });
  }

  async #revive(entry: Invisible): Promise<void> {
    const copy = await this.#revival.copyOf(entry);
    if (copy === undefined) this.#done(entry);
    else await this.#writing.copied(entry, copy, () => this.#done(entry));
  }

  async #saveOrRetry(unsaved: readonly Invisible[]): Promise<void> {
    try {
      await this.#save(unsaved);
    } catch (cause) {
      for (const entry of unsaved) {
        if (entry.checkpoint === undefined) this.#retryLater(this.#unsaved, entry);
      }
      this.#deps.logger.error('popped messages could not be saved, trying again in a second', {
        count: unsaved.length,
        cause,
      });
    }
  }

  #retryLater(times: DueTimes<Invisible>, entry: Invisible): void {
    if (entry.queue.get(entry.queueOffset) !== entry) return;
    times.set(entry, this.#deps.clock.monotonicMs() + RETRY_AFTER_MS);
  }

  /** One checkpoint for what is left of each pop. Errors: the store's refusal of any of them. */
  async #save(entries: readonly Invisible[]): Promise<void> {
    const outcomes = await Promise.allSettled(
      pops(entries).map((group) => this.#moving(group, () => this.#writeCheckpoint(group))),
    );
    for (const queue of new Set(entries.map((entry) => entry.queue))) this.saveProgress(queue);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  #writeCheckpoint(entries: readonly Invisible[]): Promise<void> {
    return this.#writing.checkpointed(entries, (checkpoint) => {
      // The queue may have been dropped meanwhile, with its topic or group.
      const alive = entries.filter((entry) => entry.queue.get(entry.queueOffset) === entry);
      this.#log.hold(entries[0]!.reviveQid, checkpoint, alive.length);
      for (const entry of alive) {
        entry.queue.stored(entry, checkpoint);
        this.#unsaved.delete(entry);
      }
    });
  }

  #restore({ source, found }: Restored): void {
    const { store, clock } = this.#deps;
    const { topic, queueId } = source;
    if (found.queueOffset >= store.maxOffset(topic, queueId)) return;
    // Never longer than its whole time from now, should the wall clock have been set back since.
    const leftMs = found.popTime + found.invisibleTime - clock.now();
    const dueMs = clock.monotonicMs() + Math.min(found.invisibleTime, Math.max(0, leftMs));
    const entry = this.queue(source).restored({ ...found, dueMs });
    this.#due.set(entry, dueMs);
  }

  /** A record that a timer has delivered which an original had set. */
  #foreign({ reviveQid, queueOffset, record }: FoundRecord): void {
    const found = new Map<string, Map<number, Restored>>();
    if (record.kind === 'checkpoint') {
      collect(found, { reviveQid, queueOffset, record });
      const restored = [...found.values()].flatMap((byOffset) => [...byOffset.values()]);
      const fresh = restored.filter(({ source, found: { queueOffset: offset } }) => {
        return this.find(source)?.isInvisible(offset) !== true;
      });
      this.#log.hold(reviveQid, queueOffset, fresh.length);
      for (const each of fresh) this.#restore(each);
      this.#arm();
      return;
    }
    const queue = this.find(record);
    for (const offset of record.queueOffsets) {
      const entry = queue?.named(offset, record.startOffset, record.popTime);
      if (entry?.moving === undefined && entry !== undefined) this.#done(entry);
    }
  }
}

/** By pop, at most {@link CHECKPOINT_COUNT} together. */
function pops(entries: readonly Invisible[]): Invisible[][] {
  const groups: Invisible[][] = [];
  const open = new Map<string, Invisible[]>();
  for (const entry of entries) {
    const { source } = entry.queue;
    const key = `${sourceKey(source)}@${entry.startOffset}@${entry.popTime}@${entry.invisibleTime}`;
    let group = open.get(key);
    if (group === undefined || group.length >= CHECKPOINT_COUNT) {
      group = [];
      open.set(key, group);
      groups.push(group);
    }
    group.push(entry);
  }
  return groups;
}
