import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { SelfObserved } from '../../common/http-service.ts';
import type { Log } from '../../common/log.ts';
import type { Metrics } from '../../common/metrics.ts';
import { answerOf, badBody, type GateAnswer } from '../gate/gate-answers.ts';
import type { OrderGate } from '../gate/order-gate.ts';
import type { Visitors } from '../gate/visitors.ts';

type Seconds = ReturnType<Metrics['httpRequestSeconds']['labels']>;
type Fastify = ReturnType<ReturnType<NestFastifyApplication['getHttpAdapter']>['getInstance']>;

const ROUTE = '/flash-sales/:saleId/orders';
const PLAIN_PATH = /^\/flash-sales\/([\w-]{1,64})\/orders$/;
const NO_BODY = 'an order of a flash sale has no body: it is one piece, for whoever asks';

interface OrderRouteParts {
  adapterHost: HttpAdapterHost;
  gate: Pick<OrderGate, 'decisionForAll' | 'decide'>;
  visitors: Pick<Visitors, 'turnAway' | 'admit'>;
  metrics: Metrics;
  log: Log;
}

/**
 * `POST /flash-sales/:saleId/orders`, the one route that everybody comes to at once. It goes through no pipe, filter or
 * interceptor, and answers with bytes that are ready; a request is no line of the log.
 *
 * One without a body does not even pass through Fastify, whose routing and hooks take a third of the time of an answer. Fastify
 * has what is left: bodies, and paths that have to be decoded.
 */
export class OrderRoute implements OnModuleInit, BeforeApplicationShutdown {
  readonly #parts: OrderRouteParts;
  #isClosing = false;
  readonly #seconds = new Map<number, Seconds>();

  constructor(parts: OrderRouteParts) {
    this.#parts = parts;
  }

  onModuleInit(): void {
    const fastify = this.#parts.adapterHost.httpAdapter.getInstance<Fastify>();
    fastify.post<{ Params: { saleId: string } }>(ROUTE, (request, reply) => {
      (request as SelfObserved).isObservedByItself = true;
      reply.hijack();
      const { saleId } = request.params;
      this.#answerSafely(request.raw, reply.raw, saleId, request.body);
    });
    this.#goBefore(fastify.server);
  }

  beforeApplicationShutdown(): void {
    this.#isClosing = true;
  }

  #goBefore(server: Server): void {
    const [toFastify, ...others] = server.listeners('request') as RequestListener[];
    if (toFastify === undefined || others.length > 0) {
      throw new Error(
        `the server has ${others.length + 1} listeners, there must be Fastify's alone`,
      );
    }
    server.removeAllListeners('request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const saleId = plainSaleId(request);
      if (saleId === undefined) toFastify.call(server, request, response);
      else this.#answerSafely(request, response, saleId, undefined);
    });
  }

  /** An error of ours costs one customer his answer, and not the process, with all who wait in it. */
  #answerSafely(
    request: IncomingMessage,
    response: ServerResponse,
    saleId: string,
    body: unknown,
  ): void {
    try {
      this.#answer(request, response, saleId, body);
    } catch (error) {
      this.#parts.log.error('an order of a flash sale was not answered', { saleId, error });
      response.destroy();
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse, saleId: string, body: unknown): void {
    const startedAtMs = performance.now();
    const { gate, visitors } = this.#parts;
    const turnedAway = visitors.turnAway(request);
    if (turnedAway !== undefined) return this.#send(response, turnedAway, startedAtMs);
    if (!isEmpty(body)) return this.#send(response, badBody(NO_BODY), startedAtMs);
    const forAll = gate.decisionForAll(saleId);
    if (forAll !== undefined) return this.#send(response, answerOf(saleId, forAll), startedAtMs);
    const visitor = visitors.admit(request);
    if ('status' in visitor) return this.#send(response, visitor, startedAtMs);
    void gate
      .decide(saleId, visitor.userId)
      .then((decision) => this.#send(response, answerOf(saleId, decision), startedAtMs));
  }

  #send(
    response: ServerResponse,
    { status, headers, body }: GateAnswer,
    startedAtMs: number,
  ): void {
    if (this.#isClosing) response.setHeader('connection', 'close');
    response.writeHead(status, headers);
    response.end(body);
    this.#secondsOf(status).observe((performance.now() - startedAtMs) / 1_000);
  }

  /** Looked up once for each status: to look up labels costs more than to count. */
  #secondsOf(status: number): Seconds {
    const known = this.#seconds.get(status);
    if (known !== undefined) return known;
    const labels = { method: 'POST', route: ROUTE, status: String(status) };
    const seconds = this.#parts.metrics.httpRequestSeconds.labels(labels);
    this.#seconds.set(status, seconds);
    return seconds;
  }
}

/** Undefined: it is not such a request, or has something that must be read first. */
function plainSaleId({ method, url, headers }: IncomingMessage): string | undefined {
  if (method !== 'POST') return undefined;
  const saleId = PLAIN_PATH.exec(url ?? '')?.[1];
  if (saleId === undefined || headers['transfer-encoding'] !== undefined) return undefined;
  return (headers['content-length'] ?? '0') === '0' ? saleId : undefined;
}

function isEmpty(body: unknown): boolean {
  if (body === undefined || body === null) return true;
  return typeof body === 'object' && Object.keys(body).length === 0;
}
