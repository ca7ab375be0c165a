import { decodeProperties, type Properties } from '../protocol/properties.ts';
import { selects, type MessageSelection } from './message-selection.ts';

/** One pull that found nothing and waits, on the consumer's wish, for something to arrive. */
export interface HeldPull extends MessageSelection {
  readonly topic: string;
  readonly queueId: number;
  readonly consumerGroup?: string;
  /** The entry the consumer wants next; an arrival at or after it is news. */
  readonly queueOffset: number;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  /** The connection the answer goes to: when it closes, nobody waits any more. */
  readonly owner: object;
}

/** A new entry of a ConsumeQueue that consumers may see. */
export interface QueueArrival {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly tagsCode: number;
  /** Encoded; needed when somebody waits with a filter. */
  readonly propertiesString?: string;
}

/** Wide enough that 15 s of holds make few slots, narrow enough that nobody notices being answered one slot late. */
const SLOT_MS = 100;

const nobody: readonly never[] = [];

/**
 * The pulls a broker holds, as state: events go in, the pulls to let go come out. It owns no timer and answers
 * nobody; each pull comes out of exactly one event and is forgotten with it.
 *
 * Deadlines sit in a wheel of slots, so holding, waking and expiring cost the same with one pull and with many.
 */
export class HeldPulls<Pull extends HeldPull> {
  readonly #byQueue = new Map<string, Map<number, Set<Pull>>>();
  readonly #byOwner = new Map<object, Set<Pull>>();
  readonly #bySlot = new Map<number, Set<Pull>>();
  readonly #recheckMs: number;
  #nextRecheckMs = 0;
  /** No slot before this one holds a pull. It may have been emptied since, which costs one look at the clock too many. */
  #firstSlot = Infinity;
  #size = 0;

  constructor(recheckMs: number) {
    this.#recheckMs = recheckMs;
  }

  get size(): number {
    return this.#size;
  }

  hold(pull: Pull, nowMs: number): void {
    if (this.#size === 0) this.#nextRecheckMs = nowMs + this.#recheckMs;
    const queues = entry(this.#byQueue, pull.topic, () => new Map<number, Set<Pull>>());
    entry(queues, pull.queueId, newSet).add(pull);
    entry(this.#byOwner, pull.owner, newSet).add(pull);
    const slot = slotOf(pull);
    entry(this.#bySlot, slot, newSet).add(pull);
    this.#firstSlot = Math.min(this.#firstSlot, slot);
    this.#size++;
  }

  /** The pulls this arrival is news for. Called for every message stored, so it does nothing when nobody waits. */
  arrived(arrival: QueueArrival): readonly Pull[] {
    const waiting = this.#byQueue.get(arrival.topic)?.get(arrival.queueId);
    if (waiting === undefined) return nobody;
    // Decoded once, however many wait, and not at all when nobody has a filter.
    let properties: Properties | undefined;
    const decoded = (): Properties =>
      (properties ??= decodeProperties(arrival.propertiesString ?? ''));
    return this.#take(
      [...waiting].filter(
        (pull) =>
          pull.queueOffset <= arrival.queueOffset && selects(pull, arrival.tagsCode, decoded),
      ),
    );
  }

  /** The pulls of a queue, whatever they wait for. */
  ofQueue(topic: string, queueId: number): readonly Pull[] {
    return this.#take([...(this.#byQueue.get(topic)?.get(queueId) ?? nobody)]);
  }

  /** The pulls of a group that wants other messages of a topic now; their own selections are those of before. */
  selectionChanged(consumerGroup: string, topic: string): readonly Pull[] {
    const queues = this.#byQueue.get(topic)?.values() ?? nobody;
    return this.#take(
      [...queues].flatMap((pulls) =>
        [...pulls].filter((pull) => pull.consumerGroup === consumerGroup),
      ),
    );
  }

  /** The pulls of a connection that is gone. */
  ownerGone(owner: object): readonly Pull[] {
    return this.#take([...(this.#byOwner.get(owner) ?? nobody)]);
  }

  /** When {@link expired} or {@link recheck} next has something to do; undefined while nothing is held. */
  nextDueMs(): number | undefined {
    if (this.#size === 0) return undefined;
    return Math.min(this.#nextRecheckMs, this.#firstSlot * SLOT_MS);
  }

  /** The pulls that have waited as long as they asked to. */
  expired(nowMs: number): readonly Pull[] {
    if (this.#firstSlot * SLOT_MS > nowMs) return nobody;
    const due: Pull[] = [];
    this.#firstSlot = Infinity;
    for (const [slot, pulls] of this.#bySlot) {
      if (slot * SLOT_MS <= nowMs) due.push(...pulls);
      else this.#firstSlot = Math.min(this.#firstSlot, slot);
    }
    return this.#take(due);
  }

  /**
   * Every few seconds, the pulls whose queue has grown past what they want although nothing woke them: their tag
   * or their filter did not match, or an arrival was announced before they were held. They come back to be answered with a new
   * nextBeginOffset, so that a consumer of a rare message does not scan the same entries for ever.
   */
  recheck(nowMs: number, maxOffsetOf: (topic: string, queueId: number) => number): readonly Pull[] {
    if (this.#size === 0 || nowMs < this.#nextRecheckMs) return nobody;
    this.#nextRecheckMs = nowMs + this.#recheckMs;
    const grown: Pull[] = [];
    for (const [topic, queues] of this.#byQueue) {
      for (const [queueId, pulls] of queues) {
        const maxOffset = maxOffsetOf(topic, queueId);
        for (const pull of pulls) if (pull.queueOffset < maxOffset) grown.push(pull);
      }
    }
    return this.#take(grown);
  }

  /** Everything, when the broker stops. */
  all(): readonly Pull[] {
    return this.#take([...this.#byOwner.values()].flatMap((pulls) => [...pulls]));
  }

  #take(pulls: readonly Pull[]): readonly Pull[] {
    for (const pull of pulls) {
      const queues = this.#byQueue.get(pull.topic);
      if (queues !== undefined) {
        removeFrom(queues, pull.queueId, pull);
        if (queues.size === 0) this.#byQueue.delete(pull.topic);
      }
      removeFrom(this.#byOwner, pull.owner, pull);
      removeFrom(this.#bySlot, slotOf(pull), pull);
      this.#size--;
    }
    return pulls;
  }
}

/** Rounded up: a pull is never let go before its deadline. */
function slotOf(pull: HeldPull): number {
  return Math.ceil(pull.deadlineMs / SLOT_MS);
}

function newSet<T>(): Set<T> {
  return new Set<T>();
}

function entry<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}

function removeFrom<K, T>(map: Map<K, Set<T>>, key: K, member: T): void {
  const members = map.get(key);
  if (members?.delete(member) === true && members.size === 0) map.delete(key);
}
