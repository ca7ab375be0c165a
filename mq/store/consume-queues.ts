import path from 'node:path';
import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { isValidTopicName } from '../protocol/names.ts';
import { ConsumeQueue, isRealEntry } from './consume-queue.ts';
import type { Files } from './files.ts';
import type { SegmentFile } from './segment-file.ts';

/** Two pages: a queue with this much in memory is written at the next opportunity. */
const EAGER_WRITE_BYTES = 8192;
/** Of the queues with less than that, this many are written a round, oldest first. */
const QUEUES_PER_ROUND = 2048;
/** After so many queues the event loop gets its turn. */
const QUEUES_PER_SLICE = 64;
const OPEN_FILE_LIMIT = 512;

export interface ConsumeQueuesOptions {
  files: Files;
  rootDir: string;
  entriesPerFile: number;
  clock: Clock;
  logger: Logger;
  /** How long new entries may stay in memory before the first of them is written. */
  writeIntervalMs: number;
}

/**
 * All ConsumeQueues of a store, `consumequeue/<topic>/<queueId>/`.
 *
 * A queue is an instance only after it was asked for, and files are closed again when too many are open, so that
 * 10,000 queues cost little. A timer runs only while some entry is in memory only.
 */
export class ConsumeQueues {
  readonly directory: string;
  /** There was no `consumequeue` directory: somebody wants it rebuilt, or this is a new store. */
  readonly wasMissing: boolean;
  readonly #options: ConsumeQueuesOptions;
  /** Undefined: known from the directory listing, not opened yet. */
  readonly #topics = new Map<string, Map<number, ConsumeQueue | undefined>>();
  /** Least recently used first. */
  readonly #openFiles = new Set<SegmentFile>();
  readonly #unwritten = new Set<ConsumeQueue>();
  readonly #unsynced = new Set<ConsumeQueue>();
  #timer: TimerHandle | undefined;
  #round: Promise<void> | undefined;
  #failure: MqError | undefined;
  #isUnreliable = false;

  constructor(options: ConsumeQueuesOptions) {
    this.#options = options;
    this.directory = path.join(options.rootDir, 'consumequeue');
    this.wasMissing = !options.files.listDirectories(options.rootDir).includes('consumequeue');
    this.#listQueues();
  }

  /** To be called after recovery: it rebuilds what is missing, and must know that again if it is interrupted. */
  makeDirectory(): void {
    this.#options.files.makeDirectory(this.directory);
  }

  /** Set while entries cannot be written; cleared by the first round that succeeds, unless fsync failed. */
  get failure(): MqError | undefined {
    return this.#failure;
  }

  /** An fsync failed: what the disk holds is unknown, and the queues must be rebuilt before they are used again. */
  get isUnreliable(): boolean {
    return this.#isUnreliable;
  }

  topics(): { topic: string; queueIds: number[] }[] {
    return Array.from(this.#topics, ([topic, queues]) => ({
      topic,
      queueIds: Array.from(queues.keys()).toSorted((a, b) => a - b),
    }));
  }

  find(topic: string, queueId: number): ConsumeQueue | undefined {
    const queues = this.#topics.get(topic);
    const queue = queues?.get(queueId);
    if (queue !== undefined || queues?.has(queueId) !== true) return queue;
    return this.#openQueue(queues, topic, queueId);
  }

  /** Errors: MESSAGE_ILLEGAL when topic or queueId cannot be a directory name below the store's root. */
  findOrCreate(topic: string, queueId: number): ConsumeQueue {
    const known = this.#topics.get(topic)?.get(queueId);
    if (known !== undefined) return known;
    // The alphabet has no dot and no separator, so that a name cannot leave its directory.
    if (!isValidTopicName(topic)) {
      throw new MqError(
        'MESSAGE_ILLEGAL',
        `topic ${JSON.stringify(topic.slice(0, 200))} is illegal`,
      );
    }
    if (!isQueueId(queueId)) {
      throw new MqError('MESSAGE_ILLEGAL', `queueId ${queueId} is outside 0..2147483647`);
    }
    let queues = this.#topics.get(topic);
    if (queues === undefined) {
      queues = new Map();
      this.#topics.set(topic, queues);
    }
    return this.#openQueue(queues, topic, queueId);
  }

  /** Opens every queue there is. */
  *all(): Generator<ConsumeQueue> {
    for (const { topic, queueIds } of this.topics()) {
      for (const queueId of queueIds) {
        const queue = this.find(topic, queueId);
        // Deleted since the list was made.
        if (queue !== undefined) yield queue;
      }
    }
  }

  /** To be called after an entry was appended. */
  noteAppended(queue: ConsumeQueue): void {
    this.#unwritten.add(queue);
    this.#armTimer();
  }

  /** To be called for an entry that a process that was killed may have written. */
  noteUnflushed(queue: ConsumeQueue, queueOffset: number): void {
    queue.markUnflushed(queueOffset);
    this.#unsynced.add(queue);
  }

  /** To be called after entries were cut, so that the cut is flushed. */
  noteCut(queue: ConsumeQueue): void {
    this.#unsynced.add(queue);
  }

  /** Hands every entry to the kernel. Errors: STORE_FAILED or SERVICE_NOT_AVAILABLE, and `failure` is set. */
  async writeAll(): Promise<void> {
    await this.#round;
    await this.#write(Number.POSITIVE_INFINITY);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when every entry appended before the call would survive a power cut. Errors: as writeAll. */
  async sync(queuesAtOnce: number): Promise<void> {
    await this.writeAll();
    const waiting = Array.from(this.#unsynced);
    const syncInTurn = async (): Promise<void> => {
      for (let queue = waiting.pop(); queue !== undefined; queue = waiting.pop()) {
        await this.#syncQueue(queue);
      }
    };
    await Promise.all(Array.from({ length: queuesAtOnce }, syncInTurn));
    if (this.#isUnreliable && this.#failure !== undefined) throw this.#failure;
  }

  async #syncQueue(queue: ConsumeQueue): Promise<void> {
    if (!this.#unsynced.delete(queue)) return;
    try {
      await queue.rewriteUnflushed();
    } catch (cause) {
      // A full disk, say: nothing is known to be wrong with what it holds, and a later save tries again.
      this.#unsynced.add(queue);
      throw cause;
    }
    try {
      await queue.sync();
    } catch (cause) {
      // Its directory was removed while it was flushed, which says nothing about the disk.
      if (queue.isDeleted) return;
      this.#unsynced.add(queue);
      this.#isUnreliable = true;
      this.#noteFailure(cause);
    }
  }

  deleteTopic(topic: string): void {
    const queues = this.#topics.get(topic);
    if (queues === undefined) return;
    for (const queue of queues.values()) if (queue !== undefined) this.#forget(queue);
    this.#topics.delete(topic);
    this.#options.files.removeTree(path.join(this.directory, topic));
  }

  /**
   * Removes what only messages need that are gone, now that the CommitLog begins at `minCommitLogOffset`: the first files
   * of queues, and the queues of topics that are no more. Errors: what the disk says; the rest is for the next call.
   */
  async removeBefore(
    minCommitLogOffset: number,
    isTopic: (topic: string) => boolean,
  ): Promise<void> {
    let fileCount = 0;
    let looked = 0;
    for (const queue of this.all()) {
      fileCount += await queue.removeBefore(minCommitLogOffset);
      if (++looked % QUEUES_PER_SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { logger } = this.#options;
    if (fileCount > 0) {
      logger.info('removed ConsumeQueue files of messages that are gone', {
        fileCount,
        minCommitLogOffset,
      });
    }
    for (const { topic, queueIds } of this.topics()) {
      const isOver = (queueId: number): boolean =>
        this.find(topic, queueId)?.isOver(minCommitLogOffset) === true;
      if (isTopic(topic) || !queueIds.every(isOver)) continue;
      this.deleteTopic(topic);
      logger.info('removed the queues of a topic that was deleted', { topic });
    }
  }

  /**
   * Removes every queue, to be rebuilt from the CommitLog, but those whose messages are all gone: nothing else says how
   * many they were.
   */
  wipe(minCommitLogOffset: number): void {
    for (const { topic, queueIds } of this.topics()) {
      const queues = this.#topics.get(topic)!;
      const rebuilt = queueIds.filter(
        (queueId) => !isPast(this.find(topic, queueId)!, minCommitLogOffset),
      );
      for (const queueId of rebuilt) {
        this.#forget(queues.get(queueId)!);
        queues.delete(queueId);
        this.#options.files.removeTree(path.join(this.directory, topic, String(queueId)));
      }
      if (queues.size === 0) this.deleteTopic(topic);
    }
  }

  /** What is only in memory stays unwritten; call `sync` first. */
  async close(): Promise<void> {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#round;
    for (const file of this.#openFiles) file.close();
    this.#openFiles.clear();
  }

  #listQueues(): void {
    const { files, logger } = this.#options;
    for (const topic of files.listDirectories(this.directory)) {
      const names = files.listDirectories(path.join(this.directory, topic));
      const queueIds = names.filter((name) => /^\d{1,10}$/.test(name)).map(Number);
      if (!isValidTopicName(topic) || queueIds.length === 0) {
        logger.warn('ignoring a directory that is no ConsumeQueue', { topic });
        continue;
      }
      this.#topics.set(topic, new Map(queueIds.map((queueId) => [queueId, undefined])));
    }
  }

  #openQueue(
    queues: Map<number, ConsumeQueue | undefined>,
    topic: string,
    queueId: number,
  ): ConsumeQueue {
    const { files, entriesPerFile } = this.#options;
    const queue = new ConsumeQueue({
      files,
      directory: path.join(this.directory, topic, String(queueId)),
      topic,
      queueId,
      entriesPerFile,
      onUse: (segment) => this.#noteUse(segment),
    });
    queues.set(queueId, queue);
    return queue;
  }

  #forget(queue: ConsumeQueue): void {
    queue.isDeleted = true;
    this.#unwritten.delete(queue);
    this.#unsynced.delete(queue);
    queue.close();
  }

  #noteUse(segment: SegmentFile): void {
    this.#openFiles.delete(segment);
    this.#openFiles.add(segment);
    if (this.#openFiles.size <= OPEN_FILE_LIMIT) return;
    for (const oldest of this.#openFiles) {
      this.#openFiles.delete(oldest);
      oldest.close();
      return;
    }
  }

  #armTimer(): void {
    if (this.#timer !== undefined || this.#round !== undefined) return;
    const { clock, writeIntervalMs } = this.#options;
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined;
      void this.#write(QUEUES_PER_ROUND);
    }, writeIntervalMs);
    this.#timer.unref();
  }

  /** Never rejects: a failure is kept, and the next round tries again. */
  #write(smallQueues: number): Promise<void> {
    this.#round ??= this.#writeRound(smallQueues)
      .catch((cause: unknown) => this.#noteFailure(cause))
      .finally(() => {
        this.#round = undefined;
        if (this.#unwritten.size > 0) this.#armTimer();
      });
    return this.#round;
  }

  async #writeRound(smallQueues: number): Promise<void> {
    let small = 0;
    let done = 0;
    // The set keeps the order of insertion, and what is added during the round is left to the next one.
    for (const queue of Array.from(this.#unwritten)) {
      if (queue.pendingBytes < EAGER_WRITE_BYTES && ++small > smallQueues) continue;
      if (!this.#unwritten.has(queue)) continue;
      queue.writePending();
      this.#unwritten.delete(queue);
      this.#unsynced.add(queue);
      if (++done % QUEUES_PER_SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (this.#failure !== undefined && !this.#isUnreliable) {
      this.#failure = undefined;
      this.#options.logger.info('ConsumeQueues can be written again');
    }
  }

  #noteFailure(cause: unknown): void {
    const text = cause instanceof Error ? cause.message : String(cause);
    if (this.#failure === undefined) {
      this.#options.logger.error('ConsumeQueues cannot be written', { cause });
    }
    this.#failure = new MqError(
      'SERVICE_NOT_AVAILABLE',
      `ConsumeQueues below ${this.directory} cannot be written: ${text}`,
      { retriable: true, cause, details: { path: this.directory } },
    );
  }
}

function isPast(queue: ConsumeQueue, minCommitLogOffset: number): boolean {
  const last = queue.maxOffset === 0 ? undefined : queue.readEntry(queue.maxOffset - 1);
  return last !== undefined && isRealEntry(last) && last.commitLogOffset < minCommitLogOffset;
}

function isQueueId(queueId: number): boolean {
  return Number.isInteger(queueId) && queueId >= 0 && queueId <= 0x7fffffff;
}
