import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { StateFile } from './state-file.ts';
import { storedInteger, storedObject } from './stored-json.ts';

export interface ConsumerOffsetsDeps {
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
  readonly persistIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface OffsetCommit {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  /** Who committed, for the log. */
  readonly client: string;
}

/**
 * Where each consumer group resumes in each queue, kept in consumerOffset.json.
 *
 *     {"offsetTable":{"TopicA@cg":{"0":4,"1":3}}}
 *
 * Units:  queueOffset is the entry the group wants next.
 * Order:  a commit shows in `query` at once and is on disk at most one interval later: a crash gives a group some
 *         messages a second time, never skips one.
 * Source: RocketMQ 4.9 ConsumerOffsetManager.java.
 */
export class ConsumerOffsets {
  readonly #table: Map<string, Map<number, number>>;
  readonly #state: StateFile;
  readonly #persistIntervalMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: TimerHandle | undefined;

  private constructor(deps: ConsumerOffsetsDeps, table: Map<string, Map<number, number>>) {
    this.#table = table;
    this.#state = new StateFile(deps.file, () => ({
      offsetTable: Object.fromEntries(
        [...this.#table].map(([key, queues]) => [key, Object.fromEntries(queues)]),
      ),
    }));
    this.#persistIntervalMs = deps.persistIntervalMs;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
  }

  /** Errors: STORE_FAILED when the file is not what it should be; offsets are not guessed. */
  static async open(deps: ConsumerOffsetsDeps): Promise<ConsumerOffsets> {
    return new ConsumerOffsets(deps, readTable(await deps.file.read()));
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

  /**
   * Stores a group's progress. A commit that goes backwards is logged and stored: it is how offsets are reset, and
   * how a client that lost its memory starts over.
   */
  commit({ group, topic, queueId, queueOffset, client }: OffsetCommit): void {
    const key = keyOf(topic, group);
    let queues = this.#table.get(key);
    if (queues === undefined) {
      queues = new Map();
      this.#table.set(key, queues);
    }
    const stored = queues.get(queueId);
    if (stored === queueOffset) return;
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
    queues.set(queueId, queueOffset);
    this.#state.noteChange();
  }

  /**
   * After a crash: progress reaches the disk by itself and may be beyond the end of a queue whose tail was lost. Kept, it
   * would send its group past the messages that get those offsets next.
   */
  cutAt(endOf: (topic: string, queueId: number) => number): void {
    for (const [key, queues] of this.#table) {
      const topic = key.slice(0, key.indexOf('@'));
      for (const [queueId, queueOffset] of queues) {
        const end = endOf(topic, queueId);
        if (queueOffset <= end) continue;
        this.#logger.warn('a group had come farther in a queue than the crash left of it', {
          progress: key,
          queueId,
          from: queueOffset,
          to: end,
        });
        queues.set(queueId, end);
        this.#state.noteChange();
      }
    }
  }

  /** Forgets a deleted topic: should it be created again, its groups must not resume beyond its end. */
  removeTopic(topic: string): void {
    for (const key of this.#table.keys()) {
      if (!key.startsWith(`${topic}@`)) continue;
      this.#table.delete(key);
      this.#state.noteChange();
    }
  }

  /** Forgets a group's progress in every topic. */
  removeGroup(group: string): void {
    for (const key of this.#table.keys()) {
      if (!key.endsWith(`@${group}`)) continue;
      this.#table.delete(key);
      this.#state.noteChange();
    }
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
}

/** '@' is in neither a topic's nor a group's alphabet, so the key cannot be ambiguous. */
function keyOf(topic: string, group: string): string {
  return `${topic}@${group}`;
}

function readTable(stored: unknown): Map<string, Map<number, number>> {
  const file = 'consumerOffset.json';
  const keys = storedObject(storedObject(stored, file)['offsetTable'], `${file}: offsetTable`);
  const table = new Map<string, Map<number, number>>();
  for (const [key, queues] of Object.entries(keys)) {
    const path = `${file}: offsetTable.${key}`;
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
