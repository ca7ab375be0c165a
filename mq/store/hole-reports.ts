import type { Logger } from '../logger.ts';

/** More are not told apart: somebody reads a whole segment that is gone. */
const MAX_KNOWN = 1_000;

/** A queue entry that leads to no message, although its part of the CommitLog is there: that is damaged. */
export interface Hole {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly commitLogOffset: number;
}

/** Says of each damaged message once that it was passed over, however many consumers come to it. */
export class HoleReports {
  readonly #logger: Logger;
  readonly #known = new Set<number>();
  readonly #listeners: ((hole: Hole) => void)[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  listen(listener: (hole: Hole) => void): void {
    this.#listeners.push(listener);
  }

  report(hole: Hole): void {
    const { commitLogOffset } = hole;
    if (this.#known.has(commitLogOffset) || this.#known.size >= MAX_KNOWN) return;
    this.#known.add(commitLogOffset);
    this.#logger.error('a message is damaged on disk, and passed over', { ...hole });
    for (const listener of this.#listeners) listener(hole);
  }
}
