import { MqError } from '../errors.ts';
import { consoleLogger, isLogLevel, logLevels, type Logger } from '../logger.ts';

export interface Service {
  close(): Promise<void>;
}

export function loggerFor(level: string): Logger {
  if (!isLogLevel(level)) {
    throw new MqError(
      'CONFIG_INVALID',
      `--log-level is ${JSON.stringify(level)}, not one of ${logLevels.join(', ')}`,
    );
  }
  return consoleLogger(level);
}

/**
 * Starts a service, prints its one start-up line, and keeps it until SIGINT or SIGTERM; a second signal
 * ends the process at once. The exit code is 1 when starting or stopping failed.
 */
export async function serve<S extends Service>(
  start: () => Promise<S>,
  describe: (service: S) => string,
): Promise<void> {
  // Node's own clock starts with the process, so the figure includes loading the code.
  const service = await start();
  process.stdout.write(`${describe(service)}, ready in ${Math.round(performance.now())} ms\n`);
  await nextSignal();
  process.once('SIGINT', () => process.exit(1)).once('SIGTERM', () => process.exit(1));
  await service.close();
}

function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve();
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
  });
}
