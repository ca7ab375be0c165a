import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { MessageExt } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import type { AppendResult, MessageStore } from '../store/message-store.ts';
import type { TimerProgress } from './timer-progress.ts';
import type { TimerRecords } from './timer-records.ts';
import type { TimerTable } from './timer-table.ts';

const HOUR_MS = 3_600_000;
/** Chosen at a time, and appended at a time. */
const CHOICE_COUNT = 65_536;
const BATCH_COUNT = 64;

export interface TimerRollingDeps {
  readonly store: MessageStore;
  readonly table: TimerTable;
  readonly records: TimerRecords;
  readonly progress: TimerProgress;
  readonly recallOf: (
    message: MessageExt,
  ) => Promise<Pick<AppendResult, 'commitLogOffset'> | undefined> | undefined;
  /** A message that has been in the CommitLog for so long is stored anew. */
  readonly rollWindowMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Stores messages anew that have waited for long: a delay of a year must not depend on a file that retention removes
 * after days. The successor is parked for the same time and takes the place of the message.
 */
export class TimerRolling {
  readonly #deps: TimerRollingDeps;
  /** Chosen, and not begun. */
  readonly #chosen = new Set<number>();
  /** Resolves to whether the successor is stored; never rejects. */
  readonly #begun = new Map<number, Promise<boolean>>();
  /** Has a successor, and may still be in the table. */
  readonly #succeeded = new Set<number>();
  #timer: TimerHandle | undefined;
  #round: Promise<void> | undefined;
  #isClosed = false;

  constructor(deps: TimerRollingDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { clock, rollWindowMs, logger } = this.#deps;
    const look = (): void => {
      this.#round ??= this.#roll()
        .catch((cause: unknown) => {
          logger.error('messages that wait for long were not stored anew', { cause });
        })
        .finally(() => {
          this.#round = undefined;
        });
    };
    this.#timer = clock.setInterval(look, Math.min(rollWindowMs / 8, HOUR_MS));
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#deps.clock.clearInterval(this.#timer);
    await this.#round;
  }

  /** To be called before a timer is delivered: true when its successor will be instead. */
  async claim(queueOffset: number): Promise<boolean> {
    if (this.#succeeded.has(queueOffset)) return true;
    this.#chosen.delete(queueOffset);
    return (await this.#begun.get(queueOffset)) ?? false;
  }

  /** Takes out of the table what has a successor in it. */
  forget(): void {
    this.#deps.table.remove(this.#succeeded);
    this.#succeeded.clear();
  }

  async #roll(): Promise<void> {
    const { store, table, clock, rollWindowMs } = this.#deps;
    while (!this.#isClosed && table.size > 0) {
      const end = store.offsetByTime(SystemTopic.TIMER, 0, clock.now() - rollWindowMs);
      for (const each of table.below(end, CHOICE_COUNT)) this.#chosen.add(each);
      const chosenCount = this.#chosen.size;
      while (this.#chosen.size > 0 && !this.#isClosed) await this.#rollBatch();
      this.#chosen.clear();
      const succeededCount = this.#succeeded.size;
      this.forget();
      if (chosenCount < CHOICE_COUNT || succeededCount === 0) return;
    }
  }

  async #rollBatch(): Promise<void> {
    const batch: Promise<boolean>[] = [];
    for (const queueOffset of this.#chosen) {
      if (batch.length === BATCH_COUNT) break;
      this.#chosen.delete(queueOffset);
      const rolled = this.#rollOne(queueOffset).finally(() => this.#begun.delete(queueOffset));
      this.#begun.set(queueOffset, rolled);
      batch.push(rolled);
    }
    await Promise.all(batch);
    this.#deps.progress.write(this.#deps.table.size);
  }

  async #rollOne(queueOffset: number): Promise<boolean> {
    const { store, records, progress, recallOf, logger } = this.#deps;
    try {
      const parked = await records.read(queueOffset);
      // What cannot be read is for its delivery to report.
      if (parked === undefined) return false;
      const recall = await recallOf(parked);
      const { commitLogOffset } = recall ?? (await store.append(records.rolled(parked)));
      progress.noteDone({ queueOffset, copyOffset: commitLogOffset });
      this.#succeeded.add(queueOffset);
      return true;
    } catch (cause) {
      logger.error('a message that waits for long was not stored anew', { queueOffset, cause });
      return false;
    }
  }
}
