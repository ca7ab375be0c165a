import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { PendingReset } from './pending-reset.ts';
import { StateFile } from './state-file.ts';
import { storedInteger, storedObject } from './stored-json.ts';

export interface ConsumerOffsetsDeps {
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
  readonly persistIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One group in one queue. */
export interface GroupQueue {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
}

export interface OffsetCommit extends GroupQueue {
  readonly queueOffset: number;
  /** Who committed, for the log. */
  readonly client: string;
}

type OffsetTable = Map<string, Map<number, number>>;

/**
 * Where each consumer group resumes in each queue, kept in consumerOffset.json.
 *
 *     {"offsetTable":{"TopicA@cg":{"0":4,"1":3}},"resetOffsetTable":{"TopicA@cg":{"0":4}}}
 *
 * The second table has the resets that no member has taken over yet, and is left out when there are none. RocketMQ, which
 * keeps its own only in memory, does not read it.
 *
 * Units:  queueOffset is the entry the group wants next.
 * Order:  a commit shows in `query` at once and is on disk at most one interval later: a crash gives a group some
 *         messages a second time, never skips one.
 * Source: RocketMQ 4.9 ConsumerOffsetManager.java.
 */
export class ConsumerOffsets {
  readonly #table: OffsetTable;
  readonly #resets: Map<string, Map<number, PendingReset>>;
  readonly #pulled: OffsetTable = new Map();
  readonly #state: StateFile;
  readonly #persistIntervalMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: TimerHandle | undefined;

  private constructor(deps: ConsumerOffsetsDeps, table: OffsetTable, resets: OffsetTable) {
    this.#table = table;
    this.#resets = mapTable(resets, (queueOffset) => new PendingReset(queueOffset));
    this.#state = new StateFile(deps.file, () => ({
      offsetTable: tableJson(this.#table),
      ...(this.#resets.size > 0 && {
        resetOffsetTable: tableJson(mapTable(this.#resets, ({ queueOffset }) => queueOffset)),
      }),
    }));
    this.#persistIntervalMs = deps.persistIntervalMs;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
  }

  /** Errors: STORE_FAILED when the file is not what it should be; offsets are not guessed. */
  static async open(deps: ConsumerOffsetsDeps): Promise<ConsumerOffsets> {
    const stored = await deps.file.read();
    const resets = readTable(stored, 'resetOffsetTable');
    return new ConsumerOffsets(deps, readTable(stored, 'offsetTable'), resets);
  }

  /** Begins to persist in the background. */
  start(): void {
    this.#timer ??= this.#clock.setInterval(() => {
      this.persist().catch((cause: unknown) =>
        this.#logger.error('consumer offsets not saved, next try in one interval', { cause }),
      );
    }, this.#persistIntervalMs);
    this.#timer.unref();
  }

  query(group: string, topic: string, queueId: number): number | undefined {
    return this.#table.get(keyOf(topic, group))?.get(queueId);
  }

  /** The reset that waits for a member to take it over. */
  pendingReset({ group, topic, queueId }: GroupQueue): PendingReset | undefined {
    return this.#resets.get(keyOf(topic, group))?.get(queueId);
  }

  /**
   * Sets where a group goes on, whatever its members report until one of them is there: see PendingReset. A later reset
   * takes the place of an earlier one.
   */
  reset({ group, topic, queueId }: GroupQueue, queueOffset: number): void {
    const key = keyOf(topic, group);
    setIn(this.#table, key, queueId, queueOffset);
    setIn(this.#resets, key, queueId, new PendingReset(queueOffset));
    this.#pulled.get(key)?.delete(queueId);
    this.#state.noteChange();
  }

  /** From now on members report their progress again. */
  endReset({ group, topic, queueId }: GroupQueue): void {
    const key = keyOf(topic, group);
    const queues = this.#resets.get(key);
    if (queues?.delete(queueId) !== true) return;
    if (queues.size === 0) this.#resets.delete(key);
    this.#state.noteChange();
  }

  /**
   * Stores a group's progress. A commit that goes backwards is logged and stored: it is how a client that lost its memory
   * starts over. Returns false when it does not count, because the group was reset and the member has not noticed yet.
   */
  commit({ group, topic, queueId, queueOffset, client }: OffsetCommit): boolean {
    const key = keyOf(topic, group);
    const stored = this.#table.get(key)?.get(queueId);
    if (stored === queueOffset) return true;
    if (this.#resets.get(key)?.has(queueId) === true) {
      this.#logger.debug('progress from before a reset is ignored', {
        group,
        topic,
        queueId,
        queueOffset,
        resetTo: stored,
        client,
      });
      return false;
    }
    if (stored !== undefined && queueOffset < stored) {
      this.#logger.warn('consumer offset goes backwards', {
        group,
        topic,
        queueId,
        from: stored,
        to: queueOffset,
        client,
      });
    }
    setIn(this.#table, key, queueId, queueOffset);
    this.#state.noteChange();
    return true;
  }

  /**
   * At every start: progress reaches the disk by itself and may be beyond the end of a queue whose tail was lost, in a
   * crash, by damage, or some starts ago. Kept, it would send its group past the messages that get those offsets next.
   */
  cutAt(endOf: (topic: string, queueId: number) => number): void {
    for (const [key, queues] of this.#table) {
      const topic = key.slice(0, key.indexOf('@'));
      for (const [queueId, queueOffset] of queues) {
        const end = endOf(topic, queueId);
        if (queueOffset <= end) continue;
        this.#logger.warn('a group had come farther in a queue than the queue goes', {
          progress: key,
          queueId,
          from: queueOffset,
          to: end,
        });
        queues.set(queueId, end);
        const resets = this.#resets.get(key);
        if (resets?.has(queueId) === true) resets.set(queueId, new PendingReset(end));
        this.#state.noteChange();
      }
    }
  }

  /** Where a group has come in a topic, by queueId. */
  progress(group: string, topic: string): ReadonlyMap<number, number> {
    return new Map(this.#table.get(keyOf(topic, group)));
  }

  /** Every group and topic of which there is progress. */
  *groupTopics(): Iterable<{ group: string; topic: string }> {
    for (const key of this.#table.keys()) {
      const at = key.indexOf('@');
      yield { topic: key.slice(0, at), group: key.slice(at + 1) };
    }
  }

  /** The topics that a group has progress in. */
  topicsOf(group: string): string[] {
    const suffix = `@${group}`;
    return [...this.#table.keys()].flatMap((key) =>
      key.endsWith(suffix) ? key.slice(0, -suffix.length) : [],
    );
  }

  /** The entry a group has asked for last, since this broker was started. */
  pulledAt({ group, topic, queueId }: GroupQueue): number | undefined {
    return this.#pulled.get(keyOf(topic, group))?.get(queueId);
  }

  notePull({ group, topic, queueId }: GroupQueue, queueOffset: number): void {
    setIn(this.#pulled, keyOf(topic, group), queueId, queueOffset);
  }

  /** The groups that have progress in a topic. */
  groupsOf(topic: string): string[] {
    const prefix = `${topic}@`;
    return [...this.#table.keys()].flatMap((key) =>
      key.startsWith(prefix) ? key.slice(prefix.length) : [],
    );
  }

  /** Forgets a deleted topic: should it be created again, its groups must not resume beyond its end. */
  removeTopic(topic: string): void {
    this.#remove((key) => key.startsWith(`${topic}@`));
  }

  /** Forgets a group's progress in every topic. */
  removeGroup(group: string): void {
    this.#remove((key) => key.endsWith(`@${group}`));
  }

  /** Writes the file when something changed since the last time. */
  persist(): Promise<void> {
    return this.#state.save();
  }

  async close(): Promise<void> {
    this.#clock.clearInterval(this.#timer);
    this.#timer = undefined;
    await this.persist();
  }

  #remove(isMeant: (key: string) => boolean): void {
    for (const key of this.#pulled.keys()) if (isMeant(key)) this.#pulled.delete(key);
    for (const key of this.#table.keys()) {
      if (!isMeant(key)) continue;
      this.#table.delete(key);
      this.#resets.delete(key);
      this.#state.noteChange();
    }
  }
}

/** '@' is in neither a topic's nor a group's alphabet, so the key cannot be ambiguous. */
function keyOf(topic: string, group: string): string {
  return `${topic}@${group}`;
}

function setIn<T>(
  table: Map<string, Map<number, T>>,
  key: string,
  queueId: number,
  value: T,
): void {
  const queues = table.get(key);
  if (queues === undefined) table.set(key, new Map([[queueId, value]]));
  else queues.set(queueId, value);
}

function mapTable<T, U>(
  table: ReadonlyMap<string, ReadonlyMap<number, T>>,
  convert: (value: T) => U,
): Map<string, Map<number, U>> {
  return new Map(
    Array.from(table, ([key, queues]) => [
      key,
      new Map(Array.from(queues, ([queueId, value]) => [queueId, convert(value)])),
    ]),
  );
}

function tableJson(table: OffsetTable): Record<string, Record<string, number>> {
  return Object.fromEntries(
    Array.from(table, ([key, queues]) => [key, Object.fromEntries(queues)]),
  );
}

function readTable(stored: unknown, name: string): OffsetTable {
  const file = 'consumerOffset.json';
  const keys = storedObject(storedObject(stored, file)[name], `${file}: ${name}`);
  const table: OffsetTable = new Map();
  for (const [key, queues] of Object.entries(keys)) {
    const path = `${file}: ${name}.${key}`;
    const offsets = Object.entries(storedObject(queues, path)).map(
      ([queueId, queueOffset]): [number, number] => [
        storedInteger(Number(queueId), `${path}: queue id ${queueId}`),
        storedInteger(queueOffset, `${path}.${queueId}`),
      ],
    );
    table.set(key, new Map(offsets));
  }
  return table;
}
