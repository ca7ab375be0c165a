import type { DynamicModule, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { ConfigError } from './env.ts';
import { ProblemFilter, problemOf, sendProblem, type ProblemReply } from './http-errors.ts';
import { Log } from './log.ts';
import type { ServiceSettings } from './service-settings.ts';
import { RequestValidation } from './validation.ts';

/** Room for a body that is wrong in a way worth explaining; the largest right one is about 10 KB. */
const MAX_BODY_BYTES = 1_048_576;

export interface ServiceDescription {
  name: string;
  summary: string;
}

/** Builds the application around a service's module: errors, validation, request log. */
export async function createService(
  module: DynamicModule,
  log: Log,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    // A request that trickles in for longer holds a connection and nothing else.
    requestTimeout: 30_000,
    // Errors before routing (a URL that cannot be decoded) do not reach Nest's filter.
    frameworkErrors: (error: Error, _request: unknown, reply: unknown) =>
      sendProblem(reply as ProblemReply, problemOf(error)),
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: nestLogger(log),
    bodyParser: false,
    abortOnError: false,
  });
  const fastify = app.getHttpAdapter().getInstance();
  // What is not JSON is refused with 415 rather than validated as if it were.
  fastify.removeContentTypeParser('text/plain');
  fastify.addHook('onResponse', (request, reply, done) => {
    const isProbe = request.url.startsWith('/health/');
    log[isProbe ? 'debug' : 'info']('request answered', {
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      ...orderNoOf(request, reply),
    });
    done();
  });
  app.useGlobalFilters(new ProblemFilter(log));
  app.useGlobalPipes(new RequestValidation());
  return app;
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
 * Runs a service until SIGTERM or SIGINT, then stops it gracefully: relay, consumers, running requests, database.
 *
 * Exit code: 0 after a graceful stop, 1 when it could not start or did not stop in time.
 */
export async function runService<Config extends { readonly service: ServiceSettings }>(
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
    const app = await createService(moduleOf(config, log), log);
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

/** The order a request was about: named in the path, or made by it and named in Location. */
function orderNoOf(
  request: { params: unknown },
  reply: { getHeader(name: string): unknown },
): { orderNo?: string } {
  const inPath = (request.params as { orderNo?: string } | undefined)?.orderNo;
  if (inPath !== undefined) return { orderNo: inPath };
  const location = reply.getHeader('location');
  const made = typeof location === 'string' ? /^\/orders\/([^/]+)$/.exec(location)?.[1] : undefined;
  return made === undefined ? {} : { orderNo: made };
}

/** Nest gives the context, and for errors the stack, as further arguments. */
function nestLogger(log: Log): LoggerService {
  const fieldsOf = (more: readonly unknown[]): Record<string, unknown> => ({
    context: more.at(-1),
    ...(more.length > 1 ? { stack: more[0] } : {}),
  });
  return {
    // What Nest has to say about routes and modules is for whoever debugs the start.
    log: (message: unknown, ...more: unknown[]) => log.debug(String(message), fieldsOf(more)),
    debug: (message: unknown, ...more: unknown[]) => log.debug(String(message), fieldsOf(more)),
    warn: (message: unknown, ...more: unknown[]) => log.warn(String(message), fieldsOf(more)),
    error: (message: unknown, ...more: unknown[]) => log.error(String(message), fieldsOf(more)),
  };
}
