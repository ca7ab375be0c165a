import type { MqError } from '../errors.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import type { Connection } from '../remoting/connection.ts';
import { LaterReply, type Reply } from '../remoting/processor.ts';
import type { AppendListener, AppendResult } from '../store/message-store.ts';

/** What becomes of all plain sends of one processor. */
export interface PlainOutcomes {
  stored(result: AppendResult, queueId: number, uniqKey: string): Reply;
  refused(request: RemotingCommand, connection: Connection, error: MqError): void;
}

/** The answer to a message that is stored as it came; it is given in the turn in which the store confirms it. */
export class PlainSend extends LaterReply implements AppendListener {
  readonly #queueId: number;
  readonly #uniqKey: string;
  readonly #request: RemotingCommand;
  readonly #connection: Connection;
  readonly #outcomes: PlainOutcomes;

  constructor(
    queueId: number,
    uniqKey: string,
    request: RemotingCommand,
    connection: Connection,
    outcomes: PlainOutcomes,
  ) {
    super();
    this.#queueId = queueId;
    this.#uniqKey = uniqKey;
    this.#request = request;
    this.#connection = connection;
    this.#outcomes = outcomes;
  }

  stored(result: AppendResult): void {
    this.settle(this.#outcomes.stored(result, this.#queueId, this.#uniqKey));
  }

  refused(error: MqError): void {
    this.#outcomes.refused(this.#request, this.#connection, error);
    this.fail(error);
  }
}
