import type { BinlogPosition } from '../../contracts/order-binlog.ts';

/** What a stream stops with. Stable: operators and tests go by it. */
export const streamFaultCodes = [
  /** The source does not write the binlog that is needed. */
  'SYNC.SOURCE_SETTINGS',
  /** What comes next cannot be read, or cannot be told row by row. */
  'SYNC.MALFORMED_EVENT',
  /** The source does not have the position any more, or never had it. */
  'SYNC.POSITION_LOST',
  /** No broker would ever take the message. */
  'SYNC.MESSAGE_REFUSED',
  /** The broker has lost what it had acknowledged, or is another than before. A new snapshot is asked for unasked. */
  'SYNC.QUEUE_DIFFERS',
  /** The queues have what this source never said. */
  'SYNC.FOREIGN_MESSAGE',
  /** A mistake of the program. */
  'SYNC.UNEXPECTED',
] as const;
export type StreamFaultCode = (typeof streamFaultCodes)[number];

/** Going on would lose or reorder something: a person should look. The stream tries again by itself, from where it stopped. */
export class StreamFault extends Error {
  override readonly name = 'StreamFault';
  readonly code: StreamFaultCode;
  /** Of the event that is at fault, when it is one. */
  readonly position: BinlogPosition | undefined;

  constructor(
    code: StreamFaultCode,
    reason: string,
    options: { position?: BinlogPosition | undefined; cause?: unknown } = {},
  ) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.position = options.position;
  }
}

/** The source cannot be reached just now: nothing is wrong that time does not mend. */
export class SourceAway extends Error {
  override readonly name = 'SourceAway';
}
