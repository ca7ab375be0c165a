import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { StateFile } from './state-file.ts';
import { storedInteger, storedObject } from './stored-json.ts';

export interface DelayOffsetsDeps {
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
  readonly persistIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * How far each delay level has been delivered, kept in delayOffset.json as `{"offsetTable":{"1":12}}`.
 *
 * Units:  level → queueOffset in SCHEDULE_TOPIC_XXXX of the message to deliver next.
 * Order:  progress is on disk at most one interval after it was made.
 * Source: RocketMQ 4.9 ScheduleMessageService.java, DelayOffsetSerializeWrapper.java.
 */
export class DelayOffsets {
  readonly #deps: DelayOffsetsDeps;
  readonly #table: Map<number, number>;
  readonly #state: StateFile;
  #timer: TimerHandle | undefined;

  private constructor(deps: DelayOffsetsDeps, stored: unknown) {
    const file = 'delayOffset.json';
    const { offsetTable, ...rest } = storedObject(stored, file);
    const offsets = storedObject(offsetTable, `${file}: offsetTable`);
    this.#deps = deps;
    this.#table = new Map(
      Object.entries(offsets).map(([level, queueOffset]) => [
        storedInteger(Number(level), `${file}: level ${level}`),
        storedInteger(queueOffset, `${file}: offsetTable.${level}`),
      ]),
    );
    this.#state = new StateFile(deps.file, () => ({
      ...rest,
      offsetTable: Object.fromEntries(this.#table),
    }));
  }

  /** Errors: STORE_FAILED when the file is not what it should be. */
  static async open(deps: DelayOffsetsDeps): Promise<DelayOffsets> {
    return new DelayOffsets(deps, await deps.file.read());
  }

  get(level: number): number | undefined {
    return this.#table.get(level);
  }

  /** The timer runs only while there is progress to save. */
  set(level: number, queueOffset: number): void {
    this.#table.set(level, queueOffset);
    this.#state.noteChange();
    this.#timer ??= this.#deps.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#state
        .save()
        .catch((cause: unknown) =>
          this.#deps.logger.error('delayOffset.json not saved', { cause }),
        );
    }, this.#deps.persistIntervalMs);
  }

  async close(): Promise<void> {
    this.#deps.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#state.save();
  }
}
