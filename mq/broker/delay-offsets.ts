import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { StateFile } from './state-file.ts';
import { storedInteger, storedObject } from './stored-json.ts';

export interface DelayOffsetsDeps {
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
  /** Resolves when every copy appended before the call would survive a power cut. */
  readonly flush: () => Promise<void>;
  readonly persistIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * How far each delay level has been delivered, kept in delayOffset.json as `{"offsetTable":{"1":12}}`; while one that
 * the store refused holds up a level, with `"deliveredAhead":{"1":[13,14]}`, which an original does not know.
 *
 * Units:  level → queueOffset in SCHEDULE_TOPIC_XXXX of the message to deliver next.
 * Order:  progress is on disk an interval after it was made, and never before the copies it stands for: a power cut
 *         would lose messages that were acknowledged long ago.
 * Source: RocketMQ 4.9 ScheduleMessageService.java, DelayOffsetSerializeWrapper.java.
 */
export class DelayOffsets {
  readonly #deps: DelayOffsetsDeps;
  readonly #table: Map<number, number>;
  readonly #ahead: Map<number, readonly number[]>;
  readonly #state: StateFile;
  /** Progress whose copies are flushed. */
  #flushed: {
    readonly table: ReadonlyMap<number, number>;
    readonly ahead: ReadonlyMap<number, readonly number[]>;
  };
  #isUnsaved = false;
  #saving: Promise<void> = Promise.resolve();
  #timer: TimerHandle | undefined;
  #isClosed = false;

  private constructor(deps: DelayOffsetsDeps, stored: unknown) {
    const file = 'delayOffset.json';
    const { offsetTable, deliveredAhead, ...rest } = storedObject(stored, file);
    const offsets = storedObject(offsetTable, `${file}: offsetTable`);
    this.#deps = deps;
    this.#table = new Map(
      Object.entries(offsets).map(([level, queueOffset]) => [
        storedInteger(Number(level), `${file}: level ${level}`),
        storedInteger(queueOffset, `${file}: offsetTable.${level}`),
      ]),
    );
    this.#ahead = storedAhead(deliveredAhead, `${file}: deliveredAhead`);
    this.#flushed = { table: this.#table, ahead: this.#ahead };
    this.#state = new StateFile(deps.file, () => {
      const { table, ahead } = this.#flushed;
      return {
        ...rest,
        offsetTable: Object.fromEntries(table),
        ...(ahead.size === 0 ? {} : { deliveredAhead: Object.fromEntries(ahead) }),
      };
    });
  }

  /** Errors: STORE_FAILED when the file is not what it should be. */
  static async open(deps: DelayOffsetsDeps): Promise<DelayOffsets> {
    return new DelayOffsets(deps, await deps.file.read());
  }

  get(level: number): number | undefined {
    return this.#table.get(level);
  }

  /** The queueOffsets behind that which are delivered already. */
  aheadOf(level: number): readonly number[] {
    return this.#ahead.get(level) ?? [];
  }

  /** The timer runs only while there is progress to save. */
  set(level: number, queueOffset: number, ahead: readonly number[] = []): void {
    this.#table.set(level, queueOffset);
    if (ahead.length > 0) this.#ahead.set(level, ahead);
    else this.#ahead.delete(level);
    this.#isUnsaved = true;
    this.#saveLater();
  }

  /** As ConsumerOffsets.cutAt: progress beyond the end of a level's queue would pass over what is parked next. */
  cutAt(endOf: (level: number) => number): void {
    for (const [level, queueOffset] of this.#table) {
      const end = endOf(level);
      const ahead = this.aheadOf(level).filter((each) => each < end);
      if (queueOffset <= end && ahead.length === this.aheadOf(level).length) continue;
      this.#deps.logger.warn('a delay level was delivered farther than its queue goes', {
        level,
        from: queueOffset,
        to: end,
      });
      this.set(level, Math.min(queueOffset, end), ahead);
    }
  }

  /** Writes the file when something changed since the last time. */
  persist(): Promise<void> {
    return this.#save();
  }

  #saveLater(): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#deps.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#save().catch((cause: unknown) => {
        this.#deps.logger.error('delayOffset.json not saved, trying again', { cause });
        this.#saveLater();
      });
    }, this.#deps.persistIntervalMs);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#deps.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#save();
  }

  /** One at a time. */
  #save(): Promise<void> {
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#saveNow());
    return this.#saving;
  }

  async #saveNow(): Promise<void> {
    if (!this.#isUnsaved) return;
    this.#isUnsaved = false;
    const made = { table: new Map(this.#table), ahead: new Map(this.#ahead) };
    try {
      await this.#deps.flush();
      this.#flushed = made;
      this.#state.noteChange();
      await this.#state.save();
    } catch (cause) {
      this.#isUnsaved = true;
      throw cause;
    }
  }
}

function storedAhead(stored: unknown, path: string): Map<number, readonly number[]> {
  const ahead = new Map<number, readonly number[]>();
  for (const [level, offsets] of Object.entries(storedObject(stored, path))) {
    const each = Array.isArray(offsets) ? (offsets as unknown[]) : [offsets];
    ahead.set(
      storedInteger(Number(level), path),
      each.map((queueOffset) => storedInteger(queueOffset, `${path}.${level}`)),
    );
  }
  return ahead;
}
