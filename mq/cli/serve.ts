import { MqError } from '../errors.ts';
import { consoleLogger, isLogLevel, jsonLogger, logLevels, type Logger } from '../logger.ts';

export interface Service {
  close(): Promise<void>;
}

export interface ServeOptions {
  /** A supervisor of ours started this process: it ends when that does, and leaves Ctrl-C to it. */
  isSupervised?: boolean;
}

/** The environment variable by which a process knows its supervisor. */
export const SUPERVISED = 'MILLRACE_SUPERVISED';
const READY = 'millrace-ready';

/** What a process tells its supervisor when it serves. */
export const isReady = (message: unknown): boolean => message === READY;

/** How the lines of the log look: for people, or as JSON. */
export interface LogOptions {
  readonly logLevel: string;
  readonly logFormat: 'text' | 'json';
}

/** `service` names the process in JSON. As text, `name` goes before each line, where several processes log to one place. */
export function loggerFor(
  { logLevel: level, logFormat }: LogOptions,
  service: string,
  name?: string,
): Logger {
  if (!isLogLevel(level)) {
    throw new MqError(
      'CONFIG_INVALID',
      `--log-level is ${JSON.stringify(level)}, not one of ${logLevels.join(', ')}`,
    );
  }
  if (logFormat === 'json') return jsonLogger(name ?? service, level);
  if (name === undefined) return consoleLogger(level);
  return consoleLogger(level, (line) => void process.stderr.write(`${name} ${line}`));
}

/**
 * Starts a service, prints its one start-up line, and keeps it until SIGINT or SIGTERM; a second signal
 * ends the process at once. The exit code is 1 when starting or stopping failed.
 */
export async function serve<S extends Service>(
  start: () => Promise<S>,
  describe: (service: S) => string,
  { isSupervised = false }: ServeOptions = {},
): Promise<void> {
  const end = (): void => process.exit(1);
  // Ctrl-C reaches a whole process group: whoever is supervised hears of it by its supervisor.
  if (isSupervised) process.on('SIGINT', () => undefined).on('disconnect', end);
  // The supervisor may have gone while this was loaded.
  if (isSupervised && !process.connected) end();
  // Node's own clock starts with the process, so the figure includes loading the code.
  const service = await start().catch((error: unknown) => {
    // An open channel would keep the process from ending.
    process.off('disconnect', end);
    if (process.connected) process.disconnect();
    throw error;
  });
  process.stdout.write(`${describe(service)}, ready in ${Math.round(performance.now())} ms\n`);
  await new Promise<void>((stop) => {
    if (!isSupervised) return onSignals(stop, end);
    process.off('disconnect', end).once('disconnect', stop);
    // Who ends a whole process group, as systemd does, has it come twice: once by way of the supervisor.
    process.on('SIGTERM', stop);
    process.send?.(READY);
  });
  await service.close();
  if (process.connected) process.disconnect();
}

/** For the start-up line: where a server is watched, if it is. */
export function metricsPlace({ metricsAddress }: { metricsAddress: string | undefined }): string {
  return metricsAddress === undefined ? '' : `, metrics http://${metricsAddress}/metrics`;
}

/** Calls `first` at the first SIGINT or SIGTERM, `next` at every other. */
export function onSignals(first: () => void, next: () => void): void {
  let isFirst = true;
  const onSignal = (): void => {
    if (isFirst) first();
    else next();
    isFirst = false;
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
}
