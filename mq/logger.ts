/** One log call is one event: a sentence, and the values that belong to it. Never payloads or secrets. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Record<string, unknown>;

/** From the one that says most; `silent` says nothing. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Narrows a text from the command line or the environment. */
export function isLogLevel(text: string): text is LogLevel {
  return (logLevels as readonly string[]).includes(text);
}

const discard = (): void => undefined;

/** What clients use when they are given no logger. */
export const silentLogger: Logger = {
  debug: discard,
  info: discard,
  warn: discard,
  error: discard,
};

/**
 * Logs one line per event to stderr: time, level, message, then `key=value` pairs.
 *
 * stdout stays free for what a command prints as its result. A line break inside a value is escaped, so
 * that what a peer sent cannot forge a log line.
 */
export function consoleLogger(
  level: LogLevel = 'info',
  write: (line: string) => void = (line) => void process.stderr.write(line),
): Logger {
  const lowest = logLevels.indexOf(level);
  const at = (own: LogLevel): Logger['info'] =>
    logLevels.indexOf(own) < lowest
      ? discard
      : (message, fields) => write(formatLine(own, message, fields));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/**
 * Logs one JSON object a line, with the names that pino gives to time, level and message: what goes through one log with the
 * lines of services can be searched and sorted with them.
 */
export function jsonLogger(
  name: string,
  level: LogLevel = 'info',
  write: (line: string) => void = (line) => void process.stderr.write(line),
): Logger {
  const lowest = logLevels.indexOf(level);
  const at = (own: LogLevel): Logger['info'] =>
    logLevels.indexOf(own) < lowest
      ? discard
      : (message, fields) => write(jsonLine(own, name, message, fields));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function jsonLine(level: LogLevel, service: string, msg: string, fields: LogFields = {}): string {
  const frame = { level, time: new Date().toISOString(), service, pid: process.pid };
  try {
    return `${JSON.stringify({ ...frame, ...fields, msg }, jsonValue)}\n`;
  } catch {
    // A log line must not become a failure of its own.
    return `${JSON.stringify({ ...frame, msg })}\n`;
  }
}

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Error ? describeError(value) : value;
}

function formatLine(level: LogLevel, message: string, fields: LogFields = {}): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${formatValue(value)}`);
  const stamp = new Date().toISOString();
  return `${stamp} ${level.toUpperCase().padEnd(5)} ${escapeControls(message)}${pairs.join('')}\n`;
}

/** Whatever a peer's or a listener's failure carries: a log line must not become a failure of its own. */
function formatValue(value: unknown): string {
  try {
    return textOf(value);
  } catch {
    return '"(cannot be shown)"';
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string')
    return /^[\w.:/%@+-]+$/.test(value) ? value : JSON.stringify(value);
  if (value instanceof Error) return JSON.stringify(describeError(value));
  if (typeof value === 'object' && value !== null) {
    return JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'bigint' ? String(inner) : inner,
    );
  }
  return String(value);
}

function describeError(error: Error): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${own}\ncaused by ${describeError(error.cause)}` : own;
}

function escapeControls(text: string): string {
  // JSON.stringify escapes exactly the control characters that could start a new line or move a terminal's cursor.
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}
