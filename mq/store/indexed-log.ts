import type { Logger } from '../logger.ts';
import { readInt32 } from '../protocol/bytes.ts';
import { BLANK_MAGIC, MESSAGE_MAGIC_V1, MESSAGE_MAGIC_V2 } from '../protocol/message.ts';
import type { CommitLog } from './commit-log.ts';
import type { IndexFile } from './index-file.ts';
import { readIndexKeys, type IndexKeys } from './index-keys.ts';
import type { IndexPosition } from './index-recovery.ts';

/** How much is read at once, and how many messages are indexed, before the event loop gets its turn. */
const WINDOW_BYTES = 1024 * 1024;
const MESSAGES_PER_SLICE = 512;
/** The smallest a record can be, and a blank one. */
const MIN_RECORD_BYTES = 91;
const BLANK_BYTES = 8;

/**
 * Reads the CommitLog from message to message and puts their keys into IndexFiles.
 *
 * Bytes that are no record were damaged after they were written: the messages behind them, up to where one is known to
 * begin, are missing in the index, and the log says so.
 */
export class IndexedLog {
  readonly #log: CommitLog;
  readonly #recordStarts: readonly number[];
  readonly #logger: Logger;
  readonly #keys: IndexKeys = { storeTimestamp: 0, hashes: [] };
  #position = 0;
  /** Keys of the message at `position` that have their entries. */
  #skippedKeys = 0;
  /** Bytes of the log from `windowStart` on. */
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  /** What is in memory is copied here: the CommitLog uses memory again that nobody has a view of. */
  #copy: Buffer | undefined;

  /** `recordStarts` are offsets at which records are known to begin; so do segments. */
  constructor(log: CommitLog, recordStarts: readonly number[], logger: Logger) {
    this.#log = log;
    this.#recordStarts = recordStarts;
    this.#logger = logger;
  }

  /** The commitLogOffset of the next message. */
  get position(): number {
    return this.#position;
  }

  /** As position; undefined while only some keys of the message there have their entries. */
  get boundary(): number | undefined {
    return this.#skippedKeys === 0 ? this.#position : undefined;
  }

  goTo({ commitLogOffset, skippedKeys }: IndexPosition): void {
    this.#position = commitLogOffset;
    this.#skippedKeys = skippedKeys;
  }

  /**
   * Brings the next record that ends at or before `endOffset` into reach; false when there is none. `endOffset` must be
   * the end of a record.
   */
  async look(endOffset: number): Promise<boolean> {
    while (this.#position < endOffset) {
      // Retention may have removed what was next.
      if (this.#position < this.#log.minOffset) this.#moveTo(this.#log.minOffset);
      const segmentEnd = this.#log.nextSegmentStart(this.#position);
      const left = Math.min(segmentEnd, endOffset) - this.#position;
      if (segmentEnd - this.#position < BLANK_BYTES) {
        this.#moveTo(segmentEnd);
        continue;
      }
      if (this.#ahead < Math.min(MIN_RECORD_BYTES, left)) await this.#load(left, WINDOW_BYTES);
      const at = this.#position - this.#windowStart;
      const size = this.#ahead < BLANK_BYTES ? 0 : readInt32(this.#window, at);
      if (size > 0 && readInt32(this.#window, at + 4) >>> 0 === BLANK_MAGIC) {
        this.#moveTo(segmentEnd);
      } else if (size > left || !this.#isRecord(at)) {
        this.#passDamage(Math.min(segmentEnd, endOffset));
      } else if (size > this.#ahead) {
        await this.#load(left, Math.max(size, WINDOW_BYTES));
        if (size > this.#ahead) this.#passDamage(Math.min(segmentEnd, endOffset));
      } else if (readIndexKeys(this.#window, at, this.#keys)) {
        return true;
      } else {
        this.#passDamage(Math.min(segmentEnd, endOffset));
      }
    }
    return false;
  }

  /**
   * Puts the keys of the messages in reach into `file`, a slice of them; `look` must have found one.
   *
   * Returns true when the next key needs a file with room.
   */
  index(file: IndexFile | undefined, endOffset: number): boolean {
    for (let count = 0; count < MESSAGES_PER_SLICE; count++) {
      const at = this.#position - this.#windowStart;
      const isInReach =
        this.#ahead >= MIN_RECORD_BYTES &&
        this.#isRecord(at) &&
        readInt32(this.#window, at) <= Math.min(this.#ahead, endOffset - this.#position);
      if (!isInReach || !readIndexKeys(this.#window, at, this.#keys)) return false;
      const { hashes, storeTimestamp } = this.#keys;
      while (this.#skippedKeys < hashes.length) {
        if (file === undefined || file.isFull) return true;
        file.put(hashes[this.#skippedKeys]!, this.#position, storeTimestamp);
        this.#skippedKeys++;
      }
      this.#moveTo(this.#position + readInt32(this.#window, at));
    }
    return false;
  }

  get #ahead(): number {
    const at = this.#position - this.#windowStart;
    return at < 0 ? 0 : Math.max(0, this.#window.length - at);
  }

  /** From memory as far as it is there in one piece; else from disk. */
  async #load(left: number, wanted: number): Promise<void> {
    const byteCount = Math.min(left, wanted);
    const start = this.#position;
    this.#copy ??= Buffer.allocUnsafeSlow(WINDOW_BYTES);
    const target = byteCount <= WINDOW_BYTES ? this.#copy : Buffer.allocUnsafeSlow(byteCount);
    const copied = this.#log.copyRecent(start, target.subarray(0, byteCount));
    const isEnough = copied >= Math.min(MIN_RECORD_BYTES, left);
    this.#window = isEnough
      ? target.subarray(0, copied)
      : ((await this.#log.read(start, byteCount)) ?? noBytes);
    this.#windowStart = start;
  }

  #isRecord(at: number): boolean {
    if (this.#ahead < MIN_RECORD_BYTES) return false;
    const magic = readInt32(this.#window, at + 4) >>> 0;
    return (
      (magic === MESSAGE_MAGIC_V1 || magic === MESSAGE_MAGIC_V2) &&
      readInt32(this.#window, at) >= MIN_RECORD_BYTES &&
      readInt32(this.#window, at + 28) === Math.floor(this.#position / 0x100000000) &&
      readInt32(this.#window, at + 32) >>> 0 === this.#position >>> 0
    );
  }

  #passDamage(end: number): void {
    const from = this.#position;
    const known = this.#recordStarts.filter((offset) => offset > from);
    this.#moveTo(Math.min(end, ...known));
    this.#logger.error('the CommitLog is damaged; messages there are missing in the index', {
      fromCommitLogOffset: from,
      toCommitLogOffset: this.#position,
    });
  }

  #moveTo(commitLogOffset: number): void {
    this.#position = commitLogOffset;
    this.#skippedKeys = 0;
  }
}

const noBytes = Buffer.alloc(0);
