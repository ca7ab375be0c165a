import type { JsonConfigFile } from '../store/config-file.ts';

/**
 * State in memory that a JSON file follows: changes are only noted, and a save writes the state as it is by then.
 *
 * Order: one write at a time. A change noted during a write is written before that `save` settles, so whoever awaits
 *        `save` finds everything noted before the call on disk.
 */
export class StateFile {
  readonly #file: Pick<JsonConfigFile, 'write'>;
  readonly #snapshot: () => unknown;
  #isDirty = false;
  #saving: Promise<void> | undefined;

  constructor(file: Pick<JsonConfigFile, 'write'>, snapshot: () => unknown) {
    this.#file = file;
    this.#snapshot = snapshot;
  }

  noteChange(): void {
    this.#isDirty = true;
  }

  /** Rejects with what the disk said; the changes stay noted and go out with the next save. */
  save(): Promise<void> {
    this.#saving ??= this.#write();
    return this.#saving;
  }

  async #write(): Promise<void> {
    // After the caller's turn, so that the end below cannot come before `#saving` is set.
    await Promise.resolve();
    try {
      while (this.#isDirty) {
        this.#isDirty = false;
        await this.#file.write(this.#snapshot());
      }
    } catch (cause) {
      this.#isDirty = true;
      throw cause;
    } finally {
      // In the same turn as the last look at `#isDirty`: a change noted after it starts a save of its own.
      this.#saving = undefined;
    }
  }
}
