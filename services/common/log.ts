import { pino, type DestinationStream, type Logger } from 'pino';

export type LogFields = Record<string, unknown>;

/**
 * Structured log lines on stdout: one JSON object a line, with `orderNo` and `messageId` where there are any.
 *
 * It is also what the mq client logs to. Never give it payloads or secrets.
 */
export class Log {
  readonly #pino: Logger;

  constructor(pino: Logger) {
    this.#pino = pino;
  }

  static toStdout(service: string, level: string, destination?: DestinationStream): Log {
    const options = {
      level,
      base: { service, pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: label }) },
      serializers: { error: describeError },
    };
    return new Log(destination ? pino(options, destination) : pino(options));
  }

  /** A log that adds these fields to every line. */
  with(fields: LogFields): Log {
    return new Log(this.#pino.child(fields));
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#pino.debug(fields, message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#pino.info(fields, message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#pino.warn(fields, message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.#pino.error(fields, message);
  }
}

/** Spelled out because a database error carries the statement's parameters as properties, and those are payload. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  return {
    type: error.name,
    message: error.message,
    ...('code' in error ? { code: error.code } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
