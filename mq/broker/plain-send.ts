import type { MqError } from '../errors.ts';
import { LaterReply, type Reply } from '../remoting/processor.ts';
import type { AppendListener, AppendResult } from '../store/message-store.ts';

/** The answer to a message that is stored as it came; it is given in the turn in which the store confirms it. */
export class PlainSend extends LaterReply implements AppendListener {
  readonly #queueId: number;
  readonly #uniqKey: string;
  readonly #replyTo: (result: AppendResult, queueId: number, uniqKey: string) => Reply;

  constructor(
    queueId: number,
    uniqKey: string,
    replyTo: (result: AppendResult, queueId: number, uniqKey: string) => Reply,
  ) {
    super();
    this.#queueId = queueId;
    this.#uniqKey = uniqKey;
    this.#replyTo = replyTo;
  }

  stored(result: AppendResult): void {
    this.settle(this.#replyTo(result, this.#queueId, this.#uniqKey));
  }

  refused(error: MqError): void {
    this.fail(error);
  }
}
