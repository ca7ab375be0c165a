import { homedir } from 'node:os';
import path from 'node:path';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { formatLocalOffsets, parseLocalOffsets } from '../protocol/local-offsets.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { JsonConfigFile } from '../store/config-file.ts';
import { nodeFiles, type Files } from '../store/files.ts';
import type { FirstOffset, OffsetStore } from './offset-store.ts';

export interface LocalOffsetsOptions {
  /** Default: `~/.rocketmq_offsets`, Java's own. */
  offsetStoreDir?: string | undefined;
  clientId: string;
  consumerGroup: string;
  logger: Logger;
  files?: Files | undefined;
}

const FILE_NAME = 'offsets.json';

type Table = Map<string, readonly [MessageQueue, number]>;

/** A member whose name changes leaves one directory behind at each start: naming a few is enough. */
const OTHERS_NAMED = 5;

/**
 * Where a broadcasting consumer has got to, in `<offsetStoreDir>/<clientId>/<group>/offsets.json`, a file that Java's
 * consumers read and write, too.
 *
 * One consumer at a time has it. It is replaced as a whole and fsynced, and the text before is kept beside it as
 * `offsets.json.bak`: a crash at any point leaves one of the two.
 *
 * Source: RocketMQ 5.3 LocalFileOffsetStore.java.
 */
export class LocalOffsets {
  readonly path: string;
  readonly #options: LocalOffsetsOptions;
  readonly #root: string;
  readonly #files: Files;
  readonly #file: JsonConfigFile<Table>;
  #table: Table = new Map();
  #isDirty = false;
  #saving: Promise<void> = Promise.resolve();
  #unlock: (() => void) | undefined;

  /** Errors: CONFIG_INVALID for a clientId that is no name of a directory. */
  constructor(options: LocalOffsetsOptions) {
    const { clientId, consumerGroup, logger, offsetStoreDir, files = nodeFiles } = options;
    if (/[/\\\0]/.test(clientId)) {
      throw new MqError(
        'CONFIG_INVALID',
        `the clientId ${JSON.stringify(clientId)} cannot name a directory for the progress of a broadcasting consumer: ` +
          'clientIp and instanceName must have no slashes',
      );
    }
    this.#options = options;
    this.#files = files;
    this.#root = path.resolve(offsetStoreDir ?? path.join(homedir(), '.rocketmq_offsets'));
    this.path = path.join(this.#root, clientId, consumerGroup, FILE_NAME);
    this.#file = new JsonConfigFile(this.path, files, logger, {
      parse: (text) => new Map(parseLocalOffsets(text).map((entry) => [queueKey(entry[0]), entry])),
      format: (table) => formatLocalOffsets(table.values()),
    });
  }

  /**
   * Reads what there is.
   *
   * Errors: STORE_FAILED when neither the file nor its backup can be read: to begin anew would skip messages or repeat all of
   *         them; when another consumer has the file; when the disk refuses.
   */
  async open(): Promise<void> {
    this.#unlock = this.#lock(path.join(path.dirname(this.path), 'lock'));
    let table: Table | undefined;
    try {
      table = await this.#file.read();
    } catch (cause) {
      this.close();
      throw MqError.is(cause) ? cause : unusable(this.path, cause);
    }
    if (table === undefined) this.#warnOfOthers();
    this.#table = table ?? new Map<string, readonly [MessageQueue, number]>();
  }

  of(queue: MessageQueue): OffsetStore {
    return new LocalProgress(this, queue);
  }

  get(queue: MessageQueue): number | undefined {
    return this.#table.get(queueKey(queue))?.[1];
  }

  set(queue: MessageQueue, queueOffset: number): void {
    if (this.get(queue) === queueOffset) return;
    this.#table.set(queueKey(queue), [queue, queueOffset]);
    this.#isDirty = true;
  }

  /** Settles when all that was set before would survive a power cut. Errors: STORE_FAILED; it is due again then. */
  save(): Promise<void> {
    if (!this.#isDirty) return this.#saving;
    this.#isDirty = false;
    this.#saving = this.#write();
    return this.#saving;
  }

  /** As `save`. Never rejects: what failed has been logged, and is due again. */
  async trySave(): Promise<void> {
    await this.save().catch(() => undefined);
  }

  /** Another consumer may have the file from now on. */
  close(): void {
    this.#unlock?.();
    this.#unlock = undefined;
  }

  async #write(): Promise<void> {
    try {
      // Turned into text when its turn has come, with all that is set by then.
      await this.#file.write(this.#table);
    } catch (cause) {
      this.#isDirty = true;
      this.#options.logger.warn('the progress of a broadcasting consumer could not be saved', {
        path: this.path,
        error: cause,
      });
      throw unusable(this.path, cause);
    }
  }

  #lock(file: string): () => void {
    const { clientId, consumerGroup } = this.#options;
    try {
      this.#files.makeDirectory(path.dirname(file));
      return this.#files.lock(file);
    } catch (cause) {
      if (!MqError.is(cause)) throw unusable(this.path, cause);
      throw new MqError(
        'STORE_FAILED',
        `a broadcasting consumer of ${consumerGroup} with the clientId ${clientId} lives already, and has ${this.path}: ` +
          'each needs an instanceName of its own',
        { cause, details: cause.details },
      );
    }
  }

  /** A clientId that was meant to stay and did not is found out by nobody else. */
  #warnOfOthers(): void {
    const { clientId, consumerGroup, logger } = this.#options;
    const others = this.#clientIds().filter(
      (other) =>
        other !== clientId && this.#isThere(path.join(this.#root, other, consumerGroup, FILE_NAME)),
    );
    if (others.length === 0) return;
    logger.warn(
      'this broadcasting consumer has no progress yet, while there is some of its group under other clientIds: if it was one ' +
        'of them, give it the same instanceName and clientIp at each start',
      { clientId, consumerGroup, others: others.slice(0, OTHERS_NAMED), count: others.length },
    );
  }

  #clientIds(): string[] {
    try {
      return this.#files.listDirectories(this.#root);
    } catch {
      return [];
    }
  }

  /** False also where nobody else may look: a directory may be shared with other users. */
  #isThere(file: string): boolean {
    try {
      return this.#files.sizeOf(file) !== undefined;
    } catch {
      return false;
    }
  }
}

function unusable(file: string, cause: unknown): MqError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MqError('STORE_FAILED', `progress cannot be kept in ${file}: ${reason}`, {
    retriable: true,
    cause,
  });
}

/** One queue of the file. Nothing here can be forgotten by somebody else. */
class LocalProgress implements OffsetStore {
  readonly #offsets: LocalOffsets;
  readonly #queue: MessageQueue;

  constructor(offsets: LocalOffsets, queue: MessageQueue) {
    this.#offsets = offsets;
    this.#queue = queue;
  }

  get acknowledgedOffset(): number | undefined {
    return this.#offsets.get(this.#queue);
  }

  stored(): Promise<FirstOffset | undefined> {
    const queueOffset = this.acknowledgedOffset;
    return Promise.resolve(queueOffset === undefined ? undefined : { queueOffset, isStored: true });
  }

  isKnown(): void {
    // It is the file that knows.
  }

  forget(): void {
    // See above.
  }

  async report(queueOffset: number, counts: () => boolean = () => true): Promise<void> {
    if (!counts()) return;
    this.#offsets.set(this.#queue, queueOffset);
    await this.#offsets.trySave();
  }

  async commit(queueOffset: number, counts: () => boolean = () => true): Promise<void> {
    if (counts()) this.#offsets.set(this.#queue, queueOffset);
    await this.#offsets.save();
  }
}
