import type { Clock, TimerHandle } from '../clock.ts';
import { popRetryTopic } from '../protocol/names.ts';
import { decodeProperties, type Properties } from '../protocol/properties.ts';
import { DueTimes } from './due-times.ts';
import type { QueueArrival } from './held-pulls.ts';
import type { PullOwner } from './long-polling.ts';
import { selects, type MessageSelection } from './message-selection.ts';

/** queueId of a pop that takes any queue. */
export const ANY_QUEUE = -1;

/** One pop that found nothing, or one NOTIFICATION, and waits for something to arrive. */
export interface PopWait {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly selection: MessageSelection;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  /** The connection the answer goes to. */
  readonly owner: PullOwner;
}

/** Why a wait is over; or it never began, because as many wait as may. */
export type PopRelease = 'look-again' | 'timed-out' | 'connection-closed' | 'too-many-held';

export interface PopWaitsOptions {
  readonly clock: Clock;
  readonly popPollingSize: number;
  readonly maxPopPollingSize: number;
}

interface Waiting extends PopWait {
  readonly line: Line;
  readonly letGo: (release: PopRelease) => void;
}

/** Those that wait for one group, topic and queueId, the longest-waiting first. */
interface Line {
  readonly key: string;
  readonly topic: string;
  readonly retryTopic: string;
  readonly queueId: number;
  readonly waiting: Set<Waiting>;
}

/**
 * Holds pops until there is something for them: of those that wait for the same, each arrival lets one go. The promise of
 * {@link hold} settles exactly once and never rejects.
 *
 * Source: RocketMQ 5.3 PopLongPollingService.java.
 */
export class PopWaits {
  readonly #options: PopWaitsOptions;
  readonly #lines = new Map<string, Line>();
  readonly #byTopic = new Map<string, Set<Line>>();
  readonly #byOwner = new Map<PullOwner, Set<Waiting>>();
  readonly #watched = new WeakSet<PullOwner>();
  readonly #deadlines = new DueTimes<Waiting>();
  #timer: TimerHandle | undefined;
  #timerDueMs = Infinity;
  #isClosed = false;

  constructor(options: PopWaitsOptions) {
    this.#options = options;
  }

  get heldCount(): number {
    return this.#deadlines.size;
  }

  countOf(consumerGroup: string, topic: string, queueId: number): number {
    return this.#lines.get(keyOf(consumerGroup, topic, queueId))?.waiting.size ?? 0;
  }

  hold(wait: PopWait): Promise<PopRelease> {
    const { clock, popPollingSize, maxPopPollingSize } = this.#options;
    if (!wait.owner.isOpen) return Promise.resolve('connection-closed');
    if (this.#isClosed || wait.deadlineMs <= clock.monotonicMs())
      return Promise.resolve('timed-out');
    const line = this.#lineOf(wait);
    if (this.heldCount >= maxPopPollingSize || line.waiting.size >= popPollingSize) {
      this.#dropIfEmpty(line);
      return Promise.resolve('too-many-held');
    }
    this.#watch(wait.owner);
    return new Promise((letGo) => {
      const waiting: Waiting = { ...wait, line, letGo };
      line.waiting.add(waiting);
      const mine = this.#byOwner.get(wait.owner) ?? new Set();
      this.#byOwner.set(wait.owner, mine.add(waiting));
      this.#deadlines.set(waiting, wait.deadlineMs);
      this.#arm();
    });
  }

  /** To be called for every message that becomes visible. */
  messageArrived({ topic, queueId, tagsCode, propertiesString }: QueueArrival): void {
    const lines = this.#byTopic.get(topic);
    if (lines === undefined) return;
    // Decoded once, however many wait, and not at all when nobody has a filter.
    let properties: Properties | undefined;
    const decoded = (): Properties => (properties ??= decodeProperties(propertiesString ?? ''));
    for (const line of lines) {
      const isRetry = line.retryTopic === topic;
      if (!isRetry && line.queueId !== ANY_QUEUE && line.queueId !== queueId) continue;
      for (const waiting of line.waiting) {
        if (!isRetry && !selects(waiting.selection, tagsCode, decoded)) continue;
        this.#letGo(waiting, 'look-again');
        break;
      }
    }
  }

  /** There may be something to pop, of a queue or of any: lets go one of those that wait for that queue, and one for any. */
  wake(consumerGroup: string, topic: string, queueId: number): void {
    for (const id of new Set([ANY_QUEUE, queueId])) {
      const [first] = this.#lines.get(keyOf(consumerGroup, topic, id))?.waiting ?? [];
      if (first !== undefined) this.#letGo(first, 'look-again');
    }
  }

  /** Lets everything go, so that every consumer has its answer before the connections close. */
  close(): void {
    this.#isClosed = true;
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const line of this.#lines.values()) {
      for (const waiting of line.waiting) this.#letGo(waiting, 'timed-out');
    }
  }

  #lineOf({ consumerGroup, topic, queueId }: PopWait): Line {
    const key = keyOf(consumerGroup, topic, queueId);
    let line = this.#lines.get(key);
    if (line === undefined) {
      const retryTopic = popRetryTopic(topic, consumerGroup);
      line = { key, topic, retryTopic, queueId, waiting: new Set() };
      this.#lines.set(key, line);
      for (const each of [topic, retryTopic]) {
        this.#byTopic.set(each, (this.#byTopic.get(each) ?? new Set()).add(line));
      }
    }
    return line;
  }

  #letGo(waiting: Waiting, release: PopRelease): void {
    const { line, owner } = waiting;
    if (!line.waiting.delete(waiting)) return;
    this.#deadlines.delete(waiting);
    const mine = this.#byOwner.get(owner);
    if (mine?.delete(waiting) === true && mine.size === 0) this.#byOwner.delete(owner);
    this.#dropIfEmpty(line);
    waiting.letGo(release);
  }

  #dropIfEmpty(line: Line): void {
    if (line.waiting.size > 0 || this.#lines.get(line.key) !== line) return;
    this.#lines.delete(line.key);
    for (const each of [line.topic, line.retryTopic]) {
      const lines = this.#byTopic.get(each);
      lines?.delete(line);
      if (lines?.size === 0) this.#byTopic.delete(each);
    }
  }

  /** One listener a connection, however many pops it makes in its life. */
  #watch(owner: PullOwner): void {
    if (this.#watched.has(owner)) return;
    this.#watched.add(owner);
    owner.onClose(() => {
      for (const waiting of this.#byOwner.get(owner) ?? []) {
        this.#letGo(waiting, 'connection-closed');
      }
    });
  }

  #arm(): void {
    const dueMs = this.#deadlines.nextDueMs();
    if (this.#isClosed || dueMs === undefined || dueMs >= this.#timerDueMs) return;
    const { clock } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    const delayMs = Math.max(0, Math.ceil(dueMs - clock.monotonicMs()));
    this.#timer = clock.setTimeout(() => {
      this.#timerDueMs = Infinity;
      const due = this.#deadlines.takeDue(clock.monotonicMs(), Infinity);
      for (const waiting of due) this.#letGo(waiting, 'timed-out');
      this.#arm();
    }, delayMs);
    this.#timer.unref();
  }
}

function keyOf(consumerGroup: string, topic: string, queueId: number): string {
  return `${topic}@${consumerGroup}@${queueId}`;
}
