import type { DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { ConfigError } from './env.ts';
import { createHttpService } from './http-service.ts';
import { Log } from './log.ts';
import type { HttpServiceSettings } from './service-settings.ts';

export interface ServiceDescription {
  name: string;
  summary: string;
}

/** The service's HTTP interface as OpenAPI, read off its controllers. */
export function describeApi(
  app: NestFastifyApplication,
  description: ServiceDescription,
): OpenAPIObject {
  const frame = new DocumentBuilder()
    .setTitle(`Millrace ${description.name}`)
    .setDescription(description.summary)
    .build();
  return SwaggerModule.createDocument(app, frame);
}

/**
 * Runs a service until SIGTERM or SIGINT, then stops it gracefully: consumers, running requests, relay, producers, database.
 *
 * Exit code: 0 after a graceful stop, 1 when it could not start or did not stop in time.
 */
export async function runService<Config extends { readonly service: HttpServiceSettings }>(
  description: ServiceDescription,
  loadConfig: () => Config,
  moduleOf: (config: Config, log: Log) => DynamicModule,
): Promise<void> {
  const startedAtMs = performance.now();
  const startLog = Log.toStdout(description.name, 'info');
  try {
    const config = loadConfig();
    const { service } = config;
    const log = Log.toStdout(description.name, service.logLevel);
    const app = await createHttpService(moduleOf(config, log), service, log);
    SwaggerModule.setup('docs', app, () => describeApi(app, description));
    stopOnSignal(app, service.stopTimeoutMs, log);
    await app.listen(service.port, service.host);
    const address: unknown = app.getHttpServer().address();
    const { port } = address as { port: number };
    const tookMs = Math.round(performance.now() - startedAtMs);
    log.info('listening', { host: service.host, port, tookMs });
  } catch (error) {
    if (error instanceof ConfigError) {
      startLog.error('bad settings', { problems: error.problems });
    } else {
      startLog.error('could not start', { error });
    }
    // Half-started parts (a pool, a consumer) would keep the process alive without anybody to serve.
    process.exit(1);
  }
}

function stopOnSignal(app: NestFastifyApplication, timeoutMs: number, log: Log): void {
  const stop = async (signal: string): Promise<void> => {
    log.info('stopping', { signal });
    const deadline = setTimeout(() => {
      log.error('did not stop in time', { timeoutMs });
      process.exit(1);
    }, timeoutMs);
    await app.close();
    clearTimeout(deadline);
    log.info('stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop(signal).catch((error: unknown) => {
        log.error('could not stop cleanly', { error });
        process.exit(1);
      });
    });
  }
}
