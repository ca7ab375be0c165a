import type { DynamicModule, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { endConnectionsOnClose } from './end-connections.ts';
import {
  endWithProblem,
  ProblemFilter,
  problemOf,
  sendProblem,
  type ProblemReply,
} from './http-errors.ts';
import type { Log } from './log.ts';
import { RouteTable } from './route-table.ts';
import { Metrics } from './metrics.ts';
import type { HttpServiceSettings } from './service-settings.ts';
import { RequestValidation } from './validation.ts';

/** Room for a body that is wrong in a way worth explaining; the largest right one is about 10 KB. */
const MAX_BODY_BYTES = 1_048_576;

/** Whoever looks at the same thing again and again says so by this header: in the log it would bury what happens. */
export const PROBE_HEADER = 'x-probe';

/** Builds the application around a service's module: errors, validation, request log. */
export async function createHttpService(
  module: DynamicModule,
  settings: Pick<HttpServiceSettings, 'stopGraceMs'>,
  log: Log,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    // A request that trickles in for longer holds a connection and nothing else.
    requestTimeout: 30_000,
    // As long as the contracts let a text be (a user's id, say); longer ones in a path are answered 414.
    routerOptions: { maxParamLength: 128 },
    // Errors before routing (a URL that cannot be decoded) do not reach Nest's filter.
    frameworkErrors: (error: Error, _request: unknown, reply: unknown) =>
      sendProblem(reply as ProblemReply, problemOf(error)),
    // Errors before there is a request (bytes that are no HTTP, headers without end) have no reply either.
    clientErrorHandler: (error, socket) => endWithProblem(socket, error),
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: nestLogger(log),
    bodyParser: false,
    abortOnError: false,
  });
  const metrics = app.get(Metrics, { strict: false });
  const fastify = app.getHttpAdapter().getInstance();
  // What is not JSON is refused with 415 rather than validated as if it were.
  fastify.removeContentTypeParser('text/plain');
  keepRawBodies(fastify);
  // Declared beforehand, so that all requests are of one shape.
  fastify.decorateRequest('isObservedByItself', false);
  fastify.addHook('onResponse', (request, reply, done) => {
    if ((request as SelfObserved).isObservedByItself === true) return done();
    const isProbe =
      /^\/(health\/|metrics)/.test(request.url) || request.headers[PROBE_HEADER] !== undefined;
    metrics.httpRequestSeconds.observe(
      {
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: String(reply.statusCode),
      },
      reply.elapsedTime / 1_000,
    );
    log[isProbe ? 'debug' : 'info']('request answered', {
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      ...ordersOf(request, reply),
    });
    done();
  });
  // Fastify hangs up on a body it refuses, and the reset that follows can overtake the answer: a client that is still
  // sending would see a broken pipe. Kept open, the connection has the rest read and dropped, within requestTimeout.
  fastify.addHook('onSend', async (request, reply) => {
    if (!request.raw.complete) reply.removeHeader('connection');
  });
  const routes = new RouteTable();
  fastify.addHook('onRoute', (route) => routes.add(route));
  endConnectionsOnClose(fastify, settings.stopGraceMs);
  app.useGlobalFilters(new ProblemFilter(log, routes));
  app.useGlobalPipes(new RequestValidation());
  return app;
}

/** A request of a route that is taken by storm: it is counted by its handler, and is no line of the log. */
export interface SelfObserved {
  isObservedByItself?: boolean;
}

type Fastify = ReturnType<ReturnType<NestFastifyApplication['getHttpAdapter']>['getInstance']>;

/** A signature is over the bytes that came, not over what they were read as. */
export interface RequestWithRawBody {
  rawBody?: string;
}

function keepRawBodies(fastify: Fastify): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeContentTypeParser('application/json');
  fastify.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (request, body, done) => {
      (request as RequestWithRawBody).rawBody = body;
      void parse(request, body, done);
    },
  );
}

/** Longer ones are of no order of ours, and a log line is no place for whatever somebody sends. */
const MAX_ORDER_NO_CHARS = 64;

/** The order a request was about: made by it and named in Location, or named in path, query or body; or its orders. */
function ordersOf(
  request: { params: unknown; query: unknown; body: unknown },
  reply: { getHeader(name: string): unknown },
): { orderNo?: string; orderNos?: string[] } {
  const location = reply.getHeader('location');
  const made = typeof location === 'string' ? /^\/orders\/([^/]+)$/.exec(location)?.[1] : undefined;
  const orderNo =
    made ?? orderNoIn(request.params) ?? orderNoIn(request.query) ?? orderNoIn(request.body);
  if (orderNo !== undefined) return { orderNo };
  const list = Object.values(request.body ?? {}).find((value) => Array.isArray(value));
  const orderNos = (list as unknown[] | undefined)?.flatMap((entry) => orderNoIn(entry) ?? []);
  return orderNos === undefined || orderNos.length === 0 ? {} : { orderNos };
}

function orderNoIn(part: unknown): string | undefined {
  const orderNo: unknown = (part as { orderNo?: unknown } | null | undefined)?.orderNo;
  return typeof orderNo === 'string' && orderNo.length <= MAX_ORDER_NO_CHARS ? orderNo : undefined;
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
