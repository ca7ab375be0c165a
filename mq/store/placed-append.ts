import type { Logger } from '../logger.ts';
import type { MqError } from '../errors.ts';
import { offsetMsgId } from '../protocol/message-id.ts';
import type { RecordFields } from '../protocol/message.ts';
import type { AppendListener, AppendMessage } from './append-message.ts';
import type { ConsumeQueue } from './consume-queue.ts';
import type { PendingAppend, PutStatus } from './group-commit.ts';

/** An append that has its place in the log and in its queue, and waits to become safe. */
export class PlacedAppend implements PendingAppend {
  /** Both offsets are set. */
  readonly fields: RecordFields;
  readonly sizeBytes: number;
  readonly queue: ConsumeQueue;
  /** As the message says. */
  readonly tagsCode: number;
  readonly waitsForConfirm: boolean;
  submittedAt = 0;
  isAnswered = false;
  readonly #listener: AppendListener;
  readonly #logger: Logger;

  constructor(
    message: Pick<AppendMessage, 'tagsCode' | 'waitStoreOk'>,
    fields: RecordFields,
    sizeBytes: number,
    queue: ConsumeQueue,
    listener: AppendListener,
    logger: Logger,
  ) {
    this.fields = fields;
    this.sizeBytes = sizeBytes;
    this.queue = queue;
    this.tagsCode = message.tagsCode;
    this.waitsForConfirm = message.waitStoreOk !== false;
    this.#listener = listener;
    this.#logger = logger;
  }

  get endOffset(): number {
    return this.fields.commitLogOffset + this.sizeBytes;
  }

  succeed(status: PutStatus): void {
    const { queueOffset, commitLogOffset, storeTimestamp, storeHost } = this.fields;
    try {
      this.#listener.stored({
        status,
        queueOffset,
        commitLogOffset,
        sizeBytes: this.sizeBytes,
        storeTimestamp,
        offsetMsgId: offsetMsgId(storeHost, commitLogOffset),
      });
    } catch (cause) {
      this.#noteFailed(cause);
    }
  }

  refuse(error: MqError): void {
    try {
      this.#listener.refused(error);
    } catch (cause) {
      this.#noteFailed(cause);
    }
  }

  /** What a listener throws must not keep the others of its turn from their answer. */
  #noteFailed(cause: unknown): void {
    const { topic, queueId, queueOffset } = this.fields;
    this.#logger.error('a listener failed', { topic, queueId, queueOffset, cause });
  }
}
