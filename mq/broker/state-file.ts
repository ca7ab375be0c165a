import type { JsonConfigFile } from '../store/config-file.ts';

/**
 * State in memory that a JSON file follows: changes are only noted, and a save writes the state as it is by then.
 *
 * Order: whoever awaits `save` finds everything noted before the call on disk, however many changes follow it.
 */
export class StateFile {
  readonly #file: Pick<JsonConfigFile, 'write'>;
  /** Read when its turn to be written has come, so that many changes cost one snapshot. */
  readonly #state: { toJSON(): unknown };
  #isDirty = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(file: Pick<JsonConfigFile, 'write'>, snapshot: () => unknown) {
    this.#file = file;
    this.#state = { toJSON: snapshot };
  }

  noteChange(): void {
    this.#isDirty = true;
  }

  /** Rejects with what the disk said; the changes stay noted and go out with the next save. */
  save(): Promise<void> {
    if (!this.#isDirty) return this.#saving;
    this.#isDirty = false;
    this.#saving = this.#write();
    return this.#saving;
  }

  async #write(): Promise<void> {
    try {
      await this.#file.write(this.#state);
    } catch (cause) {
      this.#isDirty = true;
      throw cause;
    }
  }
}
