import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { CommitLog } from './commit-log.ts';
import type { ConsumeQueues } from './consume-queues.ts';
import type { Files } from './files.ts';
import type { MessageIndex } from './message-index.ts';
import { firstStoreTimeIn } from './record-reader.ts';
import type { SegmentFile } from './segment-file.ts';

const LOOK_INTERVAL_MS = 10_000;
/** The pause behind each removal, so that giving back space does not crowd out writes. */
const PAUSE_MS = 100;
const SEGMENTS_PER_LOOK = 10;
/** A leap of more than that between two segments is a clock that was set, not a pause. */
const LONGEST_PAUSE_MS = 30 * 86_400_000;

/** What is kept, and for how long. */
export interface RetentionPolicy {
  /** A segment may go when its last message was stored so long ago. */
  readonly reservedMs: number;
  /** Hours of the day, in local time, in which old segments are removed. */
  readonly deleteHours: readonly number[];
  /** Above this use of the disk old segments are removed at any hour … */
  readonly maxUsedPercent: number;
  /** … and above this one, if `cleansForcibly`, the oldest ones whatever their age. */
  readonly cleanForciblyPercent: number;
  readonly cleansForcibly: boolean;
  /**
   * From this commitLogOffset on messages still wait for their time, Infinity when none does: their segments are not
   * removed for their age.
   */
  readonly waitingFrom: () => number;
  /** False for a topic that was deleted, whose queues may go with their last message. */
  readonly isTopic: (topic: string) => boolean;
}

export interface RetentionParts {
  readonly files: Files;
  readonly rootDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly log: CommitLog;
  readonly queues: ConsumeQueues;
  readonly index: MessageIndex | undefined;
  /** When the newest message was stored that was there at the start; undefined when there was none. */
  readonly newestStoreTime: number | undefined;
}

/**
 * Removes the oldest CommitLog segments, and what leads to their messages. The last segment always stays, and so does
 * the last file of each ConsumeQueue and of the index.
 *
 * Order:  a segment's name is gone for good before the next one goes, or a power cut could leave a gap in the log; and
 *         before anything is removed that leads to its messages.
 * Clocks: a segment is as old as the first message behind it, by the times in the records: these are copied along with a
 *         directory. The wall clock is believed only as far as the newest message at the start and the monotonic clock
 *         since then allow; so one that is set forward removes nothing. What no wall clock can say (it was set back, or
 *         the broker was down for long) the monotonic clock says: a segment also goes when this process has known it
 *         full for `reservedMs`.
 * Errors: none; what cannot be removed is tried again.
 * Source: RocketMQ 5.3 DefaultMessageStore.CleanCommitLogService, CleanConsumeQueueService, MappedFileQueue
 *         .deleteExpiredFileByTime.
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #policy: RetentionPolicy;
  readonly #startedAt: { readonly wallMs: number; readonly monotonicMs: number };
  /** When this process first knew a segment to be full, by its baseOffset. */
  readonly #fullSinceMs = new Map<number, number>();
  /** The latest time in the segments that are gone: what lies behind them is no older, whatever it says. */
  #removedUpTo = Number.NEGATIVE_INFINITY;
  /** Taken out of the log, and its file is still there. */
  #halfRemoved: SegmentFile | undefined;
  /** Where the log began when what leads to its messages was last looked through. */
  #queuesBeginAt: number;
  #heldSegment: SegmentFile | undefined;
  #isFailing = false;
  #timer: TimerHandle | undefined;
  #pause: { readonly timer: TimerHandle; readonly end: () => void } | undefined;
  #look: Promise<void> | undefined;
  #isClosed = false;
  removedSegments = 0;

  constructor(parts: RetentionParts, policy: RetentionPolicy) {
    this.#parts = parts;
    this.#policy = policy;
    const { clock, newestStoreTime = clock.now() } = parts;
    const wallMs = this.#believable(newestStoreTime);
    this.#startedAt = { wallMs, monotonicMs: clock.monotonicMs() };
    // What a clean-up of the last run had not come to.
    this.#queuesBeginAt = 0;
  }

  /** The newest time that the segments' first stamps lead up to without a leap: a clock that is years ahead makes one. */
  #believable(newestStoreTime: number): number {
    const { log } = this.#parts;
    const stamps = log.segments.map((segment) => firstStoreTimeIn(log, segment) ?? 0);
    let at = stamps.find((stampMs) => stampMs > 0) ?? newestStoreTime;
    for (const stampMs of [...stamps, newestStoreTime]) {
      if (stampMs - at > LONGEST_PAUSE_MS) return at;
      at = Math.max(at, stampMs);
    }
    return at;
  }

  start(): void {
    this.#noteFull();
    this.#timer = this.#parts.clock.setInterval(() => {
      this.#look ??= this.#clean()
        .then(
          () => this.#noteSuccess(),
          (cause: unknown) => this.#noteFailure(cause),
        )
        .finally(() => {
          this.#look = undefined;
        });
    }, LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Ends the clean-up under way behind the file it is at. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const { clock } = this.#parts;
    clock.clearInterval(this.#timer);
    clock.clearTimeout(this.#pause?.timer);
    this.#pause?.end();
    await this.#look;
  }

  async #clean(): Promise<void> {
    const { log, queues, index } = this.#parts;
    this.#noteFull();
    if (this.#halfRemoved !== undefined) await this.#removeFile(this.#halfRemoved);
    for (let count = 0; count < SEGMENTS_PER_LOOK && !this.#isClosed; count++) {
      const reason = this.#reasonToRemoveFirst();
      if (reason === undefined) break;
      await this.#removeFirst(reason);
      await this.#rest();
    }
    const { minOffset } = log;
    if (minOffset === this.#queuesBeginAt || this.#isClosed) return;
    await queues.removeBefore(minOffset, this.#policy.isTopic);
    await index?.removeBefore(minOffset);
    this.#queuesBeginAt = minOffset;
  }

  #noteFull(): void {
    const { clock, log } = this.#parts;
    for (const { baseOffset } of log.segments.slice(0, -1)) {
      if (!this.#fullSinceMs.has(baseOffset)) {
        this.#fullSinceMs.set(baseOffset, clock.monotonicMs());
      }
    }
  }

  /** Why the first segment is to go, in words; undefined when it stays. The disk is looked at before each. */
  #reasonToRemoveFirst(): string | undefined {
    const { files, rootDir, clock, log, logger } = this.#parts;
    const policy = this.#policy;
    const [first] = log.segments;
    // The second must have begun, for the last one is the one that is written to.
    if (first === undefined || log.writtenOffset <= first.baseOffset + first.sizeBytes) {
      return undefined;
    }
    const { usedPercent } = files.diskUsage(rootDir);
    const used = `the disk is ${Math.round(usedPercent * 10) / 10} % full`;
    const waitsInIt = (): boolean => policy.waitingFrom() < first.baseOffset + first.sizeBytes;
    if (policy.cleansForcibly && usedPercent > policy.cleanForciblyPercent) {
      if (waitsInIt()) {
        logger.error('messages that wait for their time are removed, because the disk is full', {
          segment: first.path,
        });
      }
      return `${used}, above diskSpaceCleanForciblyRatio ${policy.cleanForciblyPercent}`;
    }
    const isHour = policy.deleteHours.includes(new Date(clock.now()).getHours());
    if (!isHour && usedPercent <= policy.maxUsedPercent) return undefined;
    if (!this.#isOld(first)) return undefined;
    if (waitsInIt()) {
      if (this.#heldSegment !== first) {
        logger.info('an old segment is kept, because messages in it wait for their time', {
          segment: first.path,
        });
      }
      this.#heldSegment = first;
      return undefined;
    }
    const why = isHour ? 'it is the hour' : `${used}, above ${policy.maxUsedPercent}`;
    return `its messages are older than ${policy.reservedMs / 3_600_000} h, and ${why}`;
  }

  #isOld(first: SegmentFile): boolean {
    const { clock } = this.#parts;
    const { reservedMs } = this.#policy;
    const monotonicMs = clock.monotonicMs();
    const fullForMs = monotonicMs - (this.#fullSinceMs.get(first.baseOffset) ?? monotonicMs);
    if (fullForMs >= reservedMs) return true;
    const believedMs = this.#startedAt.wallMs + monotonicMs - this.#startedAt.monotonicMs;
    const storedUntil = this.#storedUntil(first);
    return (
      storedUntil !== undefined && Math.min(clock.now(), believedMs) - storedUntil >= reservedMs
    );
  }

  /**
   * The latest moment at which the messages of the first segment can have been stored: when the first one behind them
   * was. Times that go back were stamped by a clock that had been set back, and count as those before.
   */
  #storedUntil(first: SegmentFile): number | undefined {
    const { log } = this.#parts;
    const begunAt = Math.max(this.#removedUpTo, firstStoreTimeIn(log, first) ?? 0);
    for (const later of log.segments.slice(1)) {
      const stampMs = firstStoreTimeIn(log, later);
      if (stampMs !== undefined && stampMs >= begunAt) return stampMs;
    }
    return undefined;
  }

  async #removeFirst(reason: string): Promise<void> {
    const { log, logger } = this.#parts;
    const stampMs = firstStoreTimeIn(log, log.segments[0]!);
    this.#removedUpTo = Math.max(this.#removedUpTo, stampMs ?? this.#removedUpTo);
    const segment = log.takeFirst();
    this.#fullSinceMs.delete(segment.baseOffset);
    this.#halfRemoved = segment;
    await this.#removeFile(segment);
    this.removedSegments++;
    logger.info('removed a CommitLog segment', {
      segment: segment.path,
      reason,
      minOffset: log.minOffset,
    });
  }

  async #removeFile(segment: SegmentFile): Promise<void> {
    const { files, log } = this.#parts;
    await segment.removeLarge();
    await files.syncDirectory(log.directory);
    this.#halfRemoved = undefined;
  }

  async #rest(): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((end) => {
      this.#pause = { timer: this.#parts.clock.setTimeout(end, PAUSE_MS), end };
    });
    this.#pause = undefined;
  }

  #noteSuccess(): void {
    if (this.#isFailing) this.#parts.logger.info('old messages can be removed again');
    this.#isFailing = false;
  }

  #noteFailure(cause: unknown): void {
    if (!this.#isFailing) {
      this.#parts.logger.error('old messages cannot be removed, trying again', { cause });
    }
    this.#isFailing = true;
  }
}
