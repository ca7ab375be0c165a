import type { DurationHistogram } from '../duration-histogram.ts';
import { MqError } from '../errors.ts';
import { measureRecord, type RecordFields, type RecordSizes } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import {
  assertStorable,
  recordFieldsOf,
  type AppendListener,
  type AppendMessage,
  type AppendResult,
} from './append-message.ts';
import { Checkpointer } from './checkpointer.ts';
import { commitLogDirectory, tooLargeForSegment, type CommitLog } from './commit-log.ts';
import type { ConsumeQueue } from './consume-queue.ts';
import type { ConsumeQueues } from './consume-queues.ts';
import type { LogDamage } from './damage.ts';
import { DiskSpace } from './disk-space.ts';
import { entryTagsCode, isDispatched } from './dispatch.ts';
import type { GetRequest, GetResult } from './get-request.ts';
import { FewAtOnce } from './few-at-once.ts';
import { HoleReports, type Hole } from './hole-reports.ts';
import { GroupCommit } from './group-commit.ts';
import { readMessages } from './message-reader.ts';
import { PlacedAppend } from './placed-append.ts';
import { quarantineDirectory } from './quarantine.ts';
import type { MessageIndex } from './message-index.ts';
import { queryMessages, type MessageQuery, type QueryResult } from './message-query.ts';
import { closeParts, indexOf, openParts, type StoreParts } from './open-store.ts';
import { firstStoreTimeIn, readRecordAt, storeTimeAt } from './record-reader.ts';
import { Retention, type RetentionPolicy } from './retention.ts';
import type { LastRecord } from './recovery.ts';
import { withDefaults, type StoreOptions, type StoreSettings } from './store-options.ts';
import { queueOffsetByTime, type BoundaryType } from './time-search.ts';

export type { AppendListener, AppendMessage, AppendResult } from './append-message.ts';
export type { GetRequest, GetResult, GetStatus } from './get-request.ts';

export type { MessageQuery, QueryResult } from './message-query.ts';
export type { LogDamage } from './damage.ts';
export type { Hole } from './hole-reports.ts';
export type { RetentionPolicy } from './retention.ts';
export type { StoreOptions } from './store-options.ts';
export type { BoundaryType } from './time-search.ts';

/** A message became visible. */
export interface Arrival {
  topic: string;
  queueId: number;
  queueOffset: number;
  tagsCode: number;
  storeTimestamp: number;
  /** Encoded. */
  propertiesString: string;
  /** Of the whole record. */
  sizeBytes: number;
}

export interface StoreStats {
  appendedCount: number;
  appendedBytes: number;
  returnedCount: number;
  fsyncCount: number;
  fsyncDurations: DurationHistogram;
  /** Of the CommitLog: its files, and their bytes. */
  segmentCount: number;
  segmentBytes: number;
  /** Segments, and parts of them, that recovery has set aside. */
  quarantinedFiles: number;
  /** Of the newest data, in memory. */
  recentBytes: number;
  /** Of the CommitLog, because their messages were old or the disk was full. */
  removedSegments: number;
  openedInMs: number;
  recoveredRecords: number;
  wasAborted: boolean;
}

/** `reason`: why it takes no messages, in words. Read-only: until the disk has room again; failed: until it is reopened. */
export type StoreState =
  | { readonly name: 'writable' }
  | { readonly name: 'read-only' | 'failed' | 'closed'; readonly reason: string };

/** A query may walk through a whole index file, and its reads must not keep the CommitLog's fsync waiting. */
const QUERIES_AT_ONCE = 2;

/** A message that can be stored, measured. */
interface Storable {
  readonly message: AppendMessage;
  readonly fields: RecordFields;
  readonly sizes: RecordSizes;
  readonly queue: ConsumeQueue;
}

/**
 * The store of one broker: CommitLog, ConsumeQueues, the index, and what keeps them in agreement.
 *
 * Order: `append` assigns commitLogOffset and queueOffset at once, in call order; its promise settles when the
 *        message is as safe as asked for. A message is visible to `get` before its promise resolves (unless it
 *        does not wait), and never before the confirm offset has passed it.
 * Errors: MESSAGE_ILLEGAL with both sizes; SERVICE_NOT_AVAILABLE (retriable) when the disk is full or failed;
 *         STORE_CLOSED.
 */
export class MessageStore {
  readonly #settings: StoreSettings;
  readonly #log: CommitLog;
  readonly #queues: ConsumeQueues;
  readonly #commit: GroupCommit<PlacedAppend>;
  /** Undefined when `messageIndexEnable` is false. */
  readonly #index: MessageIndex | undefined;
  readonly #queries = new FewAtOnce(QUERIES_AT_ONCE);
  readonly #diskSpace: DiskSpace;
  readonly #checkpointer: Checkpointer;
  readonly #unlock: () => void;
  readonly #opened: Pick<StoreStats, 'openedInMs' | 'recoveredRecords' | 'wasAborted'>;
  readonly #lastRecord: LastRecord | undefined;
  /** Found by recovery. */
  readonly damage: LogDamage | undefined;
  readonly #holes: HoleReports;
  #retention: Retention | undefined;
  readonly #arrivalListeners: ((arrival: Arrival) => void)[] = [];
  #closing: Promise<void> | undefined;
  #appendedCount = 0;
  #appendedBytes = 0;
  #returnedCount = 0;

  /**
   * Opens the store in a directory, which is created if need be, and recovers it if the last run was killed.
   *
   * Errors: STORE_FAILED when another process has it open or a part is missing; what the disk says.
   */
  static async open(given: StoreOptions): Promise<MessageStore> {
    const parts = await openParts(withDefaults(given));
    try {
      const store = new MessageStore(parts);
      if (parts.recovered.needsCheckpoint) store.#checkpointer.saveSoon();
      return store;
    } catch (error) {
      await closeParts(parts);
      throw error;
    }
  }

  private constructor(parts: StoreParts) {
    const { settings, log, queues, recovered } = parts;
    this.#settings = settings;
    this.#log = log;
    this.#queues = queues;
    this.#unlock = parts.unlock;
    this.#lastRecord = recovered.last;
    this.damage = recovered.damage;
    this.#holes = new HoleReports(settings.logger);
    this.#opened = {
      openedInMs: parts.openedInMs,
      recoveredRecords: recovered.scannedRecords,
      wasAborted: parts.aborted !== undefined,
    };
    this.#diskSpace = new DiskSpace({
      files: settings.files,
      directory: commitLogDirectory(settings.rootDir),
      clock: settings.clock,
      maxUsedPercent: settings.diskMaxUsedPercent,
      minFreeBytes: settings.diskMinFreeBytes,
    });
    this.#commit = new GroupCommit<PlacedAppend>({
      log,
      flushDiskType: settings.flushDiskType,
      clock: settings.clock,
      flushIntervalMs: settings.flushIntervalMs,
      syncFlushTimeoutMs: settings.syncFlushTimeoutMs,
      onConfirmed: (appends) => this.#dispatch(appends),
      onRefused: (appends) => this.#takeBack(appends),
      onFailed: (cause) => settings.logger.error('the store takes no more messages', { cause }),
      describeFullDisk: (cause) => this.#diskSpace.explain(cause),
    });
    this.#index = indexOf(parts, () => this.#commit.confirmOffset);
    this.#checkpointer = new Checkpointer({
      files: settings.files,
      rootDir: settings.rootDir,
      clock: settings.clock,
      logger: settings.logger,
      log,
      queues,
      abortFile: parts.abortFile,
      flushLog: () => this.#commit.flush(),
      syncIndex: async (isLast) => (await this.#index?.sync(isLast)) ?? parts.indexCheckpoint,
      last: recovered.last,
      intervalBytes: settings.checkpointBytes,
    });
    this.#index?.noteConfirmed();
  }

  /** What is dispatched, visible and acknowledged ends here; in bytes. */
  get confirmOffset(): number {
    return this.#commit.confirmOffset;
  }

  /** What would survive a power cut ends here; in bytes. */
  get flushedOffset(): number {
    return this.#log.flushedOffset;
  }

  /** Whether messages can be stored now. */
  get state(): StoreState {
    if (this.#closing !== undefined) return { name: 'closed', reason: 'the store is closed' };
    const failure = this.#commit.failure ?? this.#queues.failure;
    if (failure !== undefined) return { name: 'failed', reason: failure.message };
    const refusal = this.#diskSpace.refusal();
    if (refusal !== undefined) return { name: 'read-only', reason: refusal.message };
    return { name: 'writable' };
  }

  get minCommitLogOffset(): number {
    return this.#log.minOffset;
  }

  get maxCommitLogOffset(): number {
    return this.#log.appendOffset;
  }

  /** A record there was behind damage: it is in quarantine, and in no queue any more. */
  isCut(commitLogOffset: number): boolean {
    const { damage } = this;
    return (
      damage !== undefined &&
      commitLogOffset >= damage.commitLogOffset &&
      commitLogOffset < damage.endOffset
    );
  }

  /** Where the last record of the log began when the store was opened; undefined when there was none. */
  get lastRecordOffset(): number | undefined {
    return this.#lastRecord?.commitLogOffset;
  }

  get stats(): StoreStats {
    const { segments } = this.#log;
    const { files, rootDir } = this.#settings;
    return {
      ...this.#opened,
      appendedCount: this.#appendedCount,
      appendedBytes: this.#appendedBytes,
      returnedCount: this.#returnedCount,
      fsyncCount: this.#commit.syncCount,
      fsyncDurations: this.#commit.syncDurations,
      segmentCount: segments.length,
      segmentBytes: segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      quarantinedFiles: files.list(quarantineDirectory(rootDir)).length,
      recentBytes: this.#log.recentBytes,
      removedSegments: this.#retention?.removedSegments ?? 0,
    };
  }

  append(message: AppendMessage): Promise<AppendResult> {
    return promised((listener) => this.appendFor(listener, message));
  }

  /** As append, for whoever has no use for a promise a message. What is refused at once is thrown. */
  appendFor(listener: AppendListener, message: AppendMessage): void {
    this.#assertWritable();
    this.#place(this.#checked(message), listener);
  }

  /**
   * Appends messages of one queue next to each other, all or none of them.
   *
   * Errors: as appendAll, and INVALID_ARGUMENT when the messages differ in topic or queueId.
   */
  async appendBatch(messages: readonly AppendMessage[]): Promise<AppendResult[]> {
    const first = messages[0];
    for (const message of messages) {
      if (message.topic !== first?.topic || message.queueId !== first.queueId) {
        throw new MqError(
          'INVALID_ARGUMENT',
          `a batch goes to one queue, not to ${first?.topic}:${first?.queueId} and ${message.topic}:${message.queueId}`,
        );
      }
    }
    return this.appendAll(messages);
  }

  /**
   * Appends messages of any queues next to each other in the CommitLog, in one write: all or none are refused, and all
   * become visible at once. A crash may leave the first few only, and then nothing lies behind them.
   *
   * Errors: as append; MESSAGE_ILLEGAL when they do not fit a segment together; INVALID_ARGUMENT when there are none.
   */
  async appendAll(messages: readonly AppendMessage[]): Promise<AppendResult[]> {
    this.#assertWritable();
    if (messages.length === 0) throw new MqError('INVALID_ARGUMENT', 'a batch has no messages');
    const checked = messages.map((message) => this.#checked(message));
    const totalBytes = checked.reduce((sum, { sizes }) => sum + sizes.totalBytes, 0);
    if (totalBytes > this.#log.largestPlacement) {
      throw tooLargeForSegment(totalBytes, this.#log.largestPlacement);
    }
    this.#log.makeRoom(totalBytes);
    let waiting = checked.length;
    return new Promise((resolve, reject) => {
      const results: AppendResult[] = [];
      for (const [index, storable] of checked.entries()) {
        this.#place(storable, {
          stored: (result) => {
            results[index] = result;
            if (--waiting === 0) resolve(results);
          },
          refused: reject,
        });
      }
    });
  }

  /** Returns at once when everything asked for is in memory. */
  get(request: GetRequest): GetResult | Promise<GetResult> {
    this.#assertOpen();
    const queue = this.#queues.find(request.topic, request.queueId);
    const { transferLimits, clock } = this.#settings;
    const result = readMessages(this.#log, queue, request, transferLimits, clock);
    if (!(result instanceof Promise)) {
      this.#returnedCount += result.count;
      return result;
    }
    return result.then((read) => {
      this.#returnedCount += read.count;
      if (read.status === 'OFFSET_FOUND_NULL') this.#reportHole(request, read.nextBeginOffset - 1);
      return read;
    });
  }

  #reportHole({ topic, queueId }: GetRequest, queueOffset: number): void {
    const entry = this.#queues.find(topic, queueId)?.readEntry(queueOffset);
    if (entry === undefined) return;
    this.#holes.report({ topic, queueId, queueOffset, commitLogOffset: entry.commitLogOffset });
  }

  /** Calls `listener` once for each damaged message that somebody came to and that was passed over. */
  onHole(listener: (hole: Hole) => void): void {
    this.#holes.listen(listener);
  }

  /** First queueOffset that still exists; equals maxOffset in an empty queue. */
  minOffset(topic: string, queueId: number): number {
    return this.#queues.find(topic, queueId)?.minOffset(this.#log.minOffset) ?? 0;
  }

  /** The queueOffset the next visible message will have. */
  maxOffset(topic: string, queueId: number): number {
    return this.#queues.find(topic, queueId)?.maxOffset ?? 0;
  }

  /** The queueOffset the next message to be appended will get: `maxOffset`, and what is not visible yet. */
  nextOffset(topic: string, queueId: number): number {
    return this.#queues.find(topic, queueId)?.nextOffset ?? 0;
  }

  /** The entry a time stands for; see time-search.ts. */
  offsetByTime(
    topic: string,
    queueId: number,
    timestampMs: number,
    boundary: BoundaryType = 'LOWER',
  ): number {
    const queue = this.#queues.find(topic, queueId);
    return queueOffsetByTime(this.#log, queue, timestampMs, boundary);
  }

  /**
   * Messages by key, unique key or tag, stored in a range of time: the newest that match. While an index is being made
   * anew it finds what is there already; without one (`messageIndexEnable` false) nothing.
   */
  async queryMessages(query: MessageQuery): Promise<QueryResult> {
    this.#assertOpen();
    if (this.#index === undefined) {
      return {
        records: [],
        indexLastUpdateTimestamp: 0,
        indexLastUpdatePhyoffset: 0,
        missingBytes: 0,
      };
    }
    const index = this.#index;
    return this.#queries.run(() =>
      queryMessages(index, this.#log, () => this.#commit.confirmOffset, query),
    );
  }

  /** Store time of one message, or −1 when it does not exist, any more or yet. */
  storeTimeOf(topic: string, queueId: number, queueOffset: number): number {
    const queue = this.#queues.find(topic, queueId);
    const isKept =
      queue !== undefined &&
      queueOffset >= queue.minOffset(this.#log.minOffset) &&
      queueOffset < queue.maxOffset;
    const entry = isKept ? queue.readEntry(queueOffset) : undefined;
    return entry === undefined ? -1 : storeTimeAt(this.#log, entry.commitLogOffset);
  }

  /** Store time of the first message that still exists, or −1. */
  earliestStoreTime(topic: string, queueId: number): number {
    const queue = this.#queues.find(topic, queueId);
    const entry = queue?.readEntry(queue.minOffset(this.#log.minOffset));
    return entry === undefined ? -1 : storeTimeAt(this.#log, entry.commitLogOffset);
  }

  /**
   * One stored record, or undefined when none begins at that offset, or it is not confirmed yet. Whoever knows its size
   * saves a read.
   */
  async readRecord(commitLogOffset: number, sizeBytes?: number): Promise<Buffer | undefined> {
    this.#assertOpen();
    return readRecordAt(this.#log, this.#commit.confirmOffset, commitLogOffset, sizeBytes);
  }

  /** When the oldest record was stored, in ms since epoch; undefined when there is none. */
  get oldestStoreTime(): number | undefined {
    const [first] = this.#log.segments;
    return first && firstStoreTimeIn(this.#log, first);
  }

  /** Calls `listener` for every message that becomes visible, after it did. */
  onArrival(listener: (arrival: Arrival) => void): void {
    this.#arrivalListeners.push(listener);
  }

  /**
   * ConsumeQueue entries from `queueOffset` on as bytes, ENTRY_BYTES each: fewer at the end of the queue or of a file,
   * none behind it. The result is valid until the next call.
   */
  entries(topic: string, queueId: number, queueOffset: number, maxCount: number): Buffer {
    this.#assertOpen();
    return this.#queues.find(topic, queueId)?.read(queueOffset, maxCount) ?? Buffer.alloc(0);
  }

  /** Resolves when what was appended before the call would survive a power cut. Errors: SERVICE_NOT_AVAILABLE. */
  flush(): Promise<void> {
    this.#assertOpen();
    return this.#commit.flush();
  }

  topics(): { topic: string; queueIds: number[] }[] {
    return this.#queues.topics();
  }

  /** Removes the queues of a topic; its records stay in the CommitLog until their segments go. */
  async deleteTopic(topic: string): Promise<void> {
    this.#assertOpen();
    await this.#commit.settled();
    await this.#checkpointer.forgetTopic(topic);
    this.#queues.deleteTopic(topic);
    await this.#settings.files.syncDirectory(this.#queues.directory);
  }

  /** Begins to remove messages, once whoever needs to read old ones has done so; see retention.ts. */
  startRetention(policy: RetentionPolicy): void {
    this.#assertOpen();
    const { files, rootDir, clock, logger } = this.#settings;
    const [log, queues, index] = [this.#log, this.#queues, this.#index];
    const newestStoreTime = this.#lastRecord?.storeTimestamp;
    this.#retention = new Retention(
      { files, rootDir, clock, logger, log, queues, index, newestStoreTime },
      policy,
    );
    this.#retention.start();
  }

  /**
   * Waits for what was appended, flushes everything and marks the store as cleanly closed. Safe to call twice.
   *
   * Errors: what the disk says. The lock is free in any case, and the next open recovers.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#retention?.close();
      await this.#commit.close();
      // After a failure only recovery can tell what the disk holds: the abort file stays.
      const isSound = this.#commit.failure === undefined && !this.#queues.isUnreliable;
      if (isSound) {
        await this.#index?.finish();
        await this.#checkpointer.close();
      }
    } finally {
      await this.#index?.close();
      await this.#queues.close();
      this.#log.close();
      this.#unlock();
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined)
      throw new MqError('STORE_CLOSED', 'the message store is closed');
  }

  #assertWritable(): void {
    this.#assertOpen();
    const refusal = this.#commit.failure ?? this.#queues.failure ?? this.#diskSpace.refusal();
    if (refusal !== undefined) throw refusal;
  }

  /** Everything that can be refused is refused here, before an offset is taken. */
  #checked(message: AppendMessage): Storable {
    const { clock, maxMessageBytes, storeHost } = this.#settings;
    const fields = recordFieldsOf(message, clock.now(), storeHost);
    const sizes = measureRecord(fields);
    assertStorable(fields, sizes, maxMessageBytes);
    if (sizes.totalBytes > this.#log.largestPlacement) {
      throw tooLargeForSegment(sizes.totalBytes, this.#log.largestPlacement);
    }
    const queue = this.#queues.findOrCreate(fields.topic, fields.queueId);
    return { message, fields, sizes, queue };
  }

  /** The synchronous half of an append. Nothing in it may fail once a queueOffset was taken. */
  #place({ message, fields, sizes, queue }: Storable, listener: AppendListener): void {
    if (isDispatched(fields.sysFlag)) fields.queueOffset = queue.nextOffset;
    this.#log.append(fields, sizes);
    if (isDispatched(fields.sysFlag)) queue.nextOffset++;
    const { logger } = this.#settings;
    const { totalBytes } = sizes;
    this.#commit.submit(new PlacedAppend(message, fields, totalBytes, queue, listener, logger));
  }

  #dispatch(appends: readonly PlacedAppend[]): void {
    const arrivals: Arrival[] = [];
    for (const append of appends) {
      const { fields, queue, sizeBytes } = append;
      const { topic, queueId, queueOffset, commitLogOffset, storeTimestamp } = fields;
      const { propertiesString } = fields;
      this.#appendedCount++;
      this.#appendedBytes += sizeBytes;
      if (!isDispatched(fields.sysFlag) || queue.isDeleted) continue;
      const tagsCode =
        topic === SystemTopic.SCHEDULE || topic === SystemTopic.TIMER
          ? entryTagsCode(fields, this.#settings.delayLevelsMs)
          : append.tagsCode;
      queue.append(queueOffset, { commitLogOffset, sizeBytes, tagsCode });
      this.#queues.noteAppended(queue);
      arrivals.push({
        topic,
        queueId,
        queueOffset,
        tagsCode,
        storeTimestamp,
        propertiesString,
        sizeBytes,
      });
    }
    for (const arrival of arrivals) {
      for (const listener of this.#arrivalListeners) this.#tell(listener, arrival);
    }
    const last = appends.at(-1);
    if (last === undefined) return;
    const { queue } = last;
    const { commitLogOffset, storeTimestamp, topic } = last.fields;
    const isTopicDeleted = queue.isDeleted;
    this.#checkpointer.noteDispatched({ commitLogOffset, storeTimestamp, topic, isTopicDeleted });
    this.#index?.noteConfirmed();
  }

  /** What a listener throws must not keep the others, or the producers, from their answer. */
  #tell(listener: (arrival: Arrival) => void, arrival: Arrival): void {
    try {
      listener(arrival);
    } catch (cause) {
      const { topic, queueId, queueOffset } = arrival;
      this.#settings.logger.error('a listener failed', { topic, queueId, queueOffset, cause });
    }
  }

  /** The queueOffsets of refused appends are given to the next ones. Refused are always the newest. */
  #takeBack(appends: readonly PlacedAppend[]): void {
    for (const { queue, fields } of appends) {
      if (isDispatched(fields.sysFlag) && fields.queueOffset < queue.nextOffset) {
        queue.nextOffset = fields.queueOffset;
      }
    }
  }
}

function promised(start: (listener: AppendListener) => void): Promise<AppendResult> {
  return new Promise((stored, refused) => start({ stored, refused }));
}
