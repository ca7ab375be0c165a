export interface FirstOffset {
  queueOffset: number;
  /**
   * True when it is stored as progress; otherwise it is ours to commit, even 0: a group that is stuck
   * at its first message would begin at the end, and skip all, once the broker does not take the queue for young any more.
   */
  isStored: boolean;
}

/** A consumer's progress in one queue: where it is kept, and what is known there. */
export interface OffsetStore {
  /** What was told or taken last, which the one who keeps it may have lost since. */
  readonly acknowledgedOffset: number | undefined;
  /** Where the queue was left; undefined when nobody says. Errors: those of the broker. */
  stored(address: string, signal: AbortSignal): Promise<FirstOffset | undefined>;
  /** It said so itself. */
  isKnown(queueOffset: number): void;
  /** It may know less than it took. */
  forget(): void;
  /**
   * Never rejects: a report that fails is logged and is due again. `counts` is asked when the report's turn has come: the
   * queue may have another owner by then.
   */
  report(queueOffset: number, counts?: () => boolean): Promise<void>;
  /** As `report`, for somebody who waits for it. Errors: NO_ROUTE, those of the broker; STORE_FAILED. */
  commit(queueOffset: number, counts?: () => boolean): Promise<void>;
}
