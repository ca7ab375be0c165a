import type { ResponseCodeName } from './protocol/response-code.ts';

/** Failures that arise on this side of the wire; everything else carries the peer's ResponseCode name. */
export type LocalErrorCode =
  | 'CLIENT_CLOSED'
  | 'CONFIG_INVALID'
  | 'CONNECT_FAILED'
  | 'CONNECTION_CLOSED'
  | 'FRAME_INVALID'
  | 'INVALID_ARGUMENT'
  | 'MESSAGE_CORRUPT'
  | 'NOT_DRAINED'
  | 'NO_ROUTE'
  | 'QUEUE_NOT_ASSIGNED'
  | 'REQUEST_ABORTED'
  | 'REQUEST_TIMEOUT'
  | 'STORE_CLOSED'
  | 'STORE_FAILED'
  | 'TOO_MUCH_REQUEST'
  | 'UNKNOWN_RESPONSE_CODE';

export type MqErrorCode = ResponseCodeName | LocalErrorCode;

export interface MqErrorOptions {
  /** True when the same call may succeed later, or on another broker, without a change by the caller. */
  retriable?: boolean;
  /** The values that disagreed: sizes, offsets, addresses. Never payloads or secrets. */
  details?: Readonly<Record<string, string | number | boolean | undefined>>;
  cause?: unknown;
}

/**
 * The one error class of the package. Callers branch on `code` and `retriable`, never on the text.
 */
export class MqError extends Error {
  override readonly name = 'MqError';
  readonly code: MqErrorCode;
  readonly retriable: boolean;
  readonly details: Readonly<Record<string, string | number | boolean | undefined>>;

  constructor(code: MqErrorCode, message: string, options: MqErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retriable = options.retriable ?? false;
    this.details = options.details ?? {};
  }

  /** Recognises errors across copies of this package, where `instanceof` fails. */
  static is(error: unknown): error is MqError {
    return error instanceof Error && error.name === 'MqError' && 'code' in error;
  }
}
