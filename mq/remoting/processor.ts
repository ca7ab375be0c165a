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
export type Processor = (
  request: RemotingCommand,
  connection: Connection,
) => Reply | undefined | Promise<Reply | undefined>;

/** From request code to the processor that serves it. */
export type ProcessorTable = ReadonlyMap<number, Processor>;

/** Stands before the processors of a server: has a request served by calling `next`, or answers it otherwise. */
export type Intercept = (
  request: RemotingCommand,
  connection: Connection,
  next: Processor,
) => ReturnType<Processor>;

/** The same table with `intercept` before each of its processors. */
export function intercepted(processors: ProcessorTable, intercept: Intercept): ProcessorTable {
  return new Map(
    Array.from(processors, ([code, next]): [number, Processor] => [
      code,
      (request, connection) => intercept(request, connection, next),
    ]),
  );
}
