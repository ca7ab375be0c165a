/** Wide enough that a minute of pops makes few slots, narrow enough that nobody notices coming again one slot late. */
const SLOT_MS = 100;
/** Slots looked ahead for the next one that is due; an empty stretch costs one look at the clock too many. */
const LOOK_AHEAD_SLOTS = 64;

/**
 * What is due when, in a wheel of slots: adding, moving and removing cost the same with one entry and with many.
 */
export class DueTimes<T extends object> {
  readonly #bySlot = new Map<number, Set<T>>();
  readonly #slotOf = new Map<T, number>();
  /** No slot before this one has an entry. */
  #firstSlot = Infinity;

  get size(): number {
    return this.#slotOf.size;
  }

  /** Adds an entry, or moves it. */
  set(entry: T, dueMs: number): void {
    this.delete(entry);
    // Rounded up: nothing is due before its time.
    const slot = Math.ceil(dueMs / SLOT_MS);
    const members = this.#bySlot.get(slot);
    if (members === undefined) this.#bySlot.set(slot, new Set([entry]));
    else members.add(entry);
    this.#slotOf.set(entry, slot);
    this.#firstSlot = Math.min(this.#firstSlot, slot);
  }

  delete(entry: T): void {
    const slot = this.#slotOf.get(entry);
    if (slot === undefined) return;
    this.#slotOf.delete(entry);
    const members = this.#bySlot.get(slot)!;
    members.delete(entry);
    if (members.size === 0) this.#bySlot.delete(slot);
    if (this.#slotOf.size === 0) this.#firstSlot = Infinity;
  }

  /** When {@link takeDue} next has something to do, or is worth another look; undefined while there is nothing. */
  nextDueMs(): number | undefined {
    if (this.#slotOf.size === 0) return undefined;
    const end = this.#firstSlot + LOOK_AHEAD_SLOTS;
    while (this.#firstSlot < end && !this.#bySlot.has(this.#firstSlot)) this.#firstSlot++;
    return this.#firstSlot * SLOT_MS;
  }

  /** Takes out what is due, at most so many. */
  takeDue(nowMs: number, maxCount: number): T[] {
    const taken: T[] = [];
    if (this.#slotOf.size === 0) return taken;
    const lastSlot = Math.floor(nowMs / SLOT_MS);
    while (this.#firstSlot <= lastSlot && taken.length < maxCount && this.#slotOf.size > 0) {
      const members = this.#bySlot.get(this.#firstSlot);
      if (members === undefined) {
        this.#firstSlot++;
        continue;
      }
      for (const entry of members) {
        if (taken.length >= maxCount) break;
        taken.push(entry);
        this.delete(entry);
      }
    }
    return taken;
  }
}
