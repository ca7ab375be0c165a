import type { RemotingCommand, RequestParts } from '../protocol/frame.ts';
import type { Connection } from './connection.ts';

/** The answer to one request: a ResponseCode and what goes with it. Opaque and header encoding are the connection's business. */
export type Reply = RequestParts;

/**
 * Serves one request code.
 *
 * Returns a reply, or throws an MqError whose code names the ResponseCode to answer; anything else thrown is
 * answered SYSTEM_ERROR. undefined is right only for a oneway request, whose reply is dropped in any case.
 */
export type Processor = (request: RemotingCommand, connection: Connection) => Outcome | LaterReply;

/** What can be awaited of a processor. */
export type Outcome = Reply | undefined | Promise<Reply | undefined>;

/**
 * A reply that is not ready. It does for one listener, at once, what a promise does for any number in a later microtask: of
 * the requests that come by the hundred thousand, the promises on their way are a good part of the cost.
 */
export class LaterReply {
  #reply: Reply | undefined;
  #failure: { readonly error: unknown } | undefined;
  #onReply: ((reply: Reply) => void) | undefined;
  #onFailure: ((error: unknown) => void) | undefined;

  settle(reply: Reply): void {
    this.#reply = reply;
    this.#onReply?.(reply);
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#onFailure?.(error);
  }

  /** To be called once. One of the two is called, at once if the outcome is known. */
  listen(onReply: (reply: Reply) => void, onFailure: (error: unknown) => void): void {
    this.#onReply = onReply;
    this.#onFailure = onFailure;
    if (this.#reply !== undefined) onReply(this.#reply);
    else if (this.#failure !== undefined) onFailure(this.#failure.error);
  }
}

/** For whoever is not the connection that the reply goes to. */
export function awaitable(returned: Outcome | LaterReply): Outcome {
  if (!(returned instanceof LaterReply)) return returned;
  return new Promise((resolve, reject) => returned.listen(resolve, reject));
}

/** From request code to the processor that serves it. */
export type ProcessorTable = ReadonlyMap<number, Processor>;

/** Stands before the processors of a server: has a request served by calling `next`, or answers it otherwise. */
export type Intercept = (
  request: RemotingCommand,
  connection: Connection,
  next: (request: RemotingCommand, connection: Connection) => Outcome,
) => Outcome;

/** The same table with `intercept` before each of its processors. */
export function intercepted(processors: ProcessorTable, intercept: Intercept): ProcessorTable {
  return new Map(
    Array.from(processors, ([code, next]): [number, Processor] => [
      code,
      (request, connection) =>
        intercept(request, connection, (...passedOn) => awaitable(next(...passedOn))),
    ]),
  );
}
