interface GroupLimits {
  /** Items in one go. */
  maxCount: number;
  /** Goes at a time; what comes meanwhile waits, and makes the next one larger. */
  maxRunning: number;
}

/** What came in one turn of the event loop is worked on in one go: the busier it is, the less each item costs. */
export class GroupedWork<Item> {
  readonly #work: (items: Item[]) => Promise<void>;
  readonly #limits: GroupLimits;
  #waiting: Item[] = [];
  #runningCount = 0;
  #isScheduled = false;

  /** `work` answers for each item, whatever happens: it must not reject. */
  constructor(limits: GroupLimits, work: (items: Item[]) => Promise<void>) {
    this.#limits = limits;
    this.#work = work;
  }

  /** Items that nobody works on yet. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  add(item: Item): void {
    this.#waiting.push(item);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#runningCount >= this.#limits.maxRunning) return;
    this.#isScheduled = true;
    // After everything the sockets have brought in this turn.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#start();
    });
  }

  #start(): void {
    const { maxCount, maxRunning } = this.#limits;
    while (this.#waiting.length > 0 && this.#runningCount < maxRunning) {
      const items = this.#waiting.splice(0, maxCount);
      this.#runningCount += 1;
      void this.#work(items).finally(() => {
        this.#runningCount -= 1;
        if (this.#waiting.length > 0) this.#schedule();
      });
    }
  }
}

export function groupedBy<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
