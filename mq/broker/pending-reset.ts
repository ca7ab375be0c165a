/** What a pull shows of the position its sender is at. */
export interface PullPosition {
  readonly queueOffset: number;
  /** The progress it reports along the way; undefined when it reports none. */
  readonly commitOffset: number | undefined;
  /** Whether the broker held it when the reset came: its sender knew of no reset when it sent it. */
  readonly wasHeld: boolean;
}

/** A consumer that reports old progress with its pulls although it was told so often is one that never reports another. */
const TELLS_UNTIL_POSITION_COUNTS = 3;
/** One that pulls elsewhere although it was told so often chooses its offsets itself, and is left alone. */
const TELLS_UNTIL_LEFT_ALONE = 16;

/**
 * A reset of one group in one queue that no member has taken over yet.
 *
 * A member that runs knows nothing of it: it reports the progress it has made before, some of it is on its way, and so it may
 * do for seconds after it was told (Java 4.9 and Go go on for ten). What is reported therefore counts no more until a
 * member shows that it is at the new place: it pulls there, and what it reports with the pull is the new place, too. A pull that
 * reports nothing could come from where the member has been anyway, with older messages unfinished: it counts when its
 * connection has been told, or has asked.
 *
 * Connections are told apart because a queue changes its owner: what one member was told, the next one may not know.
 */
export class PendingReset {
  /** The entry the group is to go on at. */
  readonly queueOffset: number;
  readonly #tells = new WeakMap<object, number>();
  #isTold = false;

  constructor(queueOffset: number) {
    this.queueOffset = queueOffset;
  }

  /** Whether anybody who pulls has heard of it. */
  get isTold(): boolean {
    return this.#isTold;
  }

  isTakenOverBy(pull: PullPosition, connection: object): boolean {
    const tells = this.#tells.get(connection) ?? 0;
    if (tells >= TELLS_UNTIL_LEFT_ALONE) return true;
    if (pull.queueOffset !== this.queueOffset) return false;
    if (pull.commitOffset === this.queueOffset) return true;
    if (pull.commitOffset === undefined && this.queueOffset === 0) return true;
    if (pull.wasHeld) return false;
    if (pull.commitOffset === undefined) return tells > 0;
    return tells >= TELLS_UNTIL_POSITION_COUNTS;
  }

  /** Its question where the group resumes is answered with the new place, whoever it is that asks. */
  inform(connection: object): void {
    if (!this.#tells.has(connection)) this.#tells.set(connection, 1);
  }

  /**
   * The answer to its pull is that the group was moved. Of one connection several pulls can be held, when the queue has
   * gone to another member and come back: they are answered at the same time, which is telling once.
   */
  tell(connection: object, { wasHeld }: Pick<PullPosition, 'wasHeld'>): void {
    this.#isTold = true;
    if (wasHeld) this.inform(connection);
    else this.#tells.set(connection, (this.#tells.get(connection) ?? 0) + 1);
  }
}
