import { destination as fileDestination, pino, type DestinationStream, type Logger } from 'pino';
import { GatheredLines } from './gathered-lines.ts';

export type LogFields = Record<string, unknown>;

/**
 * Structured log lines on stdout: one JSON object a line, with `orderNo` and `messageId` where there are any.
 *
 * It is also what the mq client logs to. Never give it payloads or secrets.
 */
export class Log {
  readonly #pino: Logger;
  readonly #flush: () => void;

  /** `flush`: what is called to have a line written that must not wait. */
  constructor(pino: Logger, flush: () => void = () => undefined) {
    this.#pino = pino;
    this.#flush = flush;
  }

  static toStdout(service: string, level: string, destination?: DestinationStream): Log {
    const options = {
      level,
      base: { service, pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: label }) },
      serializers: { error: describeError },
    };
    if (destination !== undefined) return new Log(pino(options, destination));
    const lines = new GatheredLines(fileDestination({ fd: 1, sync: true }));
    return new Log(pino(options, lines), () => lines.flush());
  }

  /** A log that adds these fields to every line. */
  with(fields: LogFields): Log {
    return new Log(this.#pino.child(fields), this.#flush);
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#pino.debug(fields, message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#pino.info(fields, message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#pino.warn(fields, message);
    this.#flush();
  }

  error(message: string, fields: LogFields = {}): void {
    this.#pino.error(fields, message);
    this.#flush();
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
